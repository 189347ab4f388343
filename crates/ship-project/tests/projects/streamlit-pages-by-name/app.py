import streamlit as st

st.navigation([st.Page("morning.py"), st.Page("evening.py")]).run()

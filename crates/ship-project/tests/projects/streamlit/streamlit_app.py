import streamlit as st

from numbers_of import today

st.title("Good morning")
st.write(today())

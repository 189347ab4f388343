import streamlit as st

st.title("Good evening")

import streamlit as st


@st.cache_data
def today():
    return [1, 2, 3]

import streamlit as st

key = st.secrets["WEATHER_KEY"]
st.title("Weather")

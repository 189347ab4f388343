import gradio as gr
from fastapi import FastAPI

app = FastAPI()
demo = gr.Interface(fn=lambda name: f"Good morning, {name}", inputs="text", outputs="text")
app = gr.mount_gradio_app(app, demo, path="/")

import gradio as gr

demo = gr.Interface(fn=lambda name: f"Good morning, {name}", inputs="text", outputs="text")

demo.launch()

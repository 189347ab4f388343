BLOG_TITLE = "Rail diary"
SITE_URL = "https://rail.example/"
POSTS = (("posts/*.rst", "posts", "post.tmpl"),)
OUTPUT_FOLDER = "output"

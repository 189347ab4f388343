FLASK_APP='shop:create_app("production", debug=False)'

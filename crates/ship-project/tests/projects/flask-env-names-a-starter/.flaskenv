FLASK_APP=megablog.py

FLASK_APP=shopp

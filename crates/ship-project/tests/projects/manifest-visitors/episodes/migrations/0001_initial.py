# made by Django

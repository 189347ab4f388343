#!/bin/bash
set -e

python prepare.py
exec gunicorn shop:app --workers 2 --bind 0.0.0.0:8000

#!/bin/sh
if [ -n "$SEED" ]; then
  python seed.py
fi
gunicorn shop:app -b 0.0.0.0:8000

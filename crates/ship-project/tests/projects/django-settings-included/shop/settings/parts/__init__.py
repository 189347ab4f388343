from pathlib import Path

from decouple import AutoConfig

ROOT = Path(__file__).parents[3]
config = AutoConfig(search_path=ROOT)

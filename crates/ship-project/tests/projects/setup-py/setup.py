from setuptools import find_packages, setup

NEEDS = ["flask>=3", "gunicorn"]

setup(
    name="shop",
    version="1.0",
    packages=find_packages(),
    python_requires=">=3.10",
    install_requires=NEEDS,
)

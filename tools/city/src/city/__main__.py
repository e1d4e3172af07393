from city.cli import app

app()

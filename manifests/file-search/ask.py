"""Asks a question of the store that gemctl keeps. Its name stands in the file that the manifest publishes it to.

python ask.py "How long may I keep a book?"
"""

import json
import sys
from pathlib import Path

from google import genai
from google.genai import types

store = json.loads(Path("out/stores.json").read_text())["handbook"]
search = types.FileSearch(file_search_store_names=[store], metadata_filter='audience = "readers"')
client = genai.Client()  # GEMINI_API_KEY, and GOOGLE_GEMINI_BASE_URL for the emulator
answer = client.models.generate_content(
    model="gemini-3.8-flash",
    contents=sys.argv[1],
    config=types.GenerateContentConfig(tools=[types.Tool(file_search=search)]),
)
print(answer.text)

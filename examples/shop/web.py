"""The web front: one page that shows the catalogue and takes orders, through the API."""
import html
import json
import os
import urllib.request
import uuid

from shop import Handler, serve

API = f"http://{os.environ['API_HOST']}:{os.environ['API_PORT']}"
API_SECONDS_MAX = 2

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body {{ font: 1.1rem/1.5 sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }}
li {{ display: flex; justify-content: space-between; padding: .3rem 0 }} small {{ color: #666 }}</style>
</head><body><h1>{title}</h1><ul>{items}</ul>
<p>{placed} orders placed, {shipped} shipped.</p>
<p><small>served by {instance}, pid {pid}</small></p></body></html>
"""
ITEM = """<li><span>{item}, {price:.2f}</span>
<form method="post" action="/buy/{item}"><button>Buy</button></form></li>"""


def call(method, path):
    request = urllib.request.Request(API + path, method=method, data=b"" if method == "POST" else None)
    with urllib.request.urlopen(request, timeout=API_SECONDS_MAX) as answer:
        return json.load(answer)


class Web(Handler):
    def get_healthz(self):
        """This program alone: that the API is away is no reason to restart the front."""
        self.answer(200, {"ok": True})

    def get_index(self):
        catalogue, stats = call("GET", "/catalogue"), call("GET", "/stats")
        items = "".join(ITEM.format(item=html.escape(item), price=cents / 100)
                        for item, cents in catalogue.items())
        self.answer(200, PAGE.format(title=html.escape(os.environ.get("SHOP_TITLE", "Shop")), items=items,
                                     instance=os.environ.get("TEND_INSTANCE", "nobody"), pid=os.getpid(),
                                     **stats), "text/html")

    def post_buy(self, item):
        self.body()
        user = uuid.uuid4().hex[:8]
        call("POST", f"/cart/{user}/{item}")
        call("POST", f"/order/{user}")
        self.answer(303, "", "text/plain", [("Location", "/")])


if __name__ == "__main__":
    serve(Web)

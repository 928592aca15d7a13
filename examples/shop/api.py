"""The shop's API: catalogue, carts and orders, all kept in Redis."""
import json

from shop import CATALOGUE, ORDERS, PLACED, SHIPPED, Handler, connect, serve

CART_SECONDS = 3600
redis = connect()


class Api(Handler):
    def get_healthz(self):
        redis.ping()
        self.answer(200, {"ok": True})

    def get_catalogue(self):
        items = redis.hgetall(CATALOGUE)
        self.answer(200, {item: int(cents) for item, cents in sorted(items.items())})

    def get_stats(self):
        placed, shipped = redis.mget(PLACED, SHIPPED)
        self.answer(200, {"placed": int(placed or 0), "shipped": int(shipped or 0),
                          "waiting": redis.llen(ORDERS)})

    def get_cart(self, user):
        self.answer(200, redis.hgetall("cart:" + user))

    def post_cart(self, user, item):
        if not redis.hexists(CATALOGUE, item):
            self.answer(404, {"error": f"no item {item}"})
            return
        redis.hincrby("cart:" + user, item, 1)
        redis.expire("cart:" + user, CART_SECONDS)
        self.answer(200, redis.hgetall("cart:" + user))

    def post_order(self, user):
        """The cart becomes an order in one step: a crash leaves either a cart or an order."""
        cart = redis.hgetall("cart:" + user)
        if not cart:
            self.answer(409, {"error": "the cart is empty"})
            return
        step = redis.pipeline(transaction=True)
        step.incr(PLACED)
        step.lpush(ORDERS, json.dumps({"user": user, "items": cart}))
        step.delete("cart:" + user)
        number = step.execute()[0]
        self.answer(200, {"order": number})


if __name__ == "__main__":
    serve(Api)

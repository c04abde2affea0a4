"""Run by `rivals.oso` with another Python: asks oso what it reads from standard input, and says what is allowed and how long one question takes."""

import json
import sys
import time

POLICY = """
allow(customer: Customer, "train", key: Key) if
    grant in customer.granted and grant in key.covering and not banned(customer, key);
banned(customer: Customer, key: Key) if ban in customer.banned and ban in key.touching;
"""


class Customer:
    """Whose terms they are."""

    def __init__(self, terms, purposes):
        self.granted = [
            f"{purpose}|{category}" for kind, category, purpose in terms if kind == "grant" and purpose in purposes
        ]
        self.banned = [category for kind, category, _ in terms if kind == "ban"]


class Key:
    """A category asked for. `below`: banned keys under it touch it, too."""

    def __init__(self, above, purposes, banned):
        self.covering = [f"{purpose}|{key}" for purpose in purposes for key in above]
        self.touching = above + sorted(key for key in banned if key.startswith(above[-1] + "."))


def main():
    from oso import Oso

    asked = json.load(sys.stdin)
    oso = Oso()
    oso.register_class(Customer)
    oso.register_class(Key)
    oso.load_str(POLICY)
    banned = {term[1] for terms in asked["customers"].values() for term in terms if term[0] == "ban"}
    customers = {ref: Customer(terms, asked["purposes"]) for ref, terms in asked["customers"].items()}
    keys = {key: Key(above, asked["purposes"], banned) for key, above in asked["keys"].items()}
    started = time.perf_counter()
    allowed = [
        (ref, name)
        for ref, customer in customers.items()
        for name, key in keys.items()
        if oso.query_rule_once("allow", customer, "train", key)
    ]
    seconds = (time.perf_counter() - started) / (len(customers) * len(keys))
    print(json.dumps({"allowed": allowed, "seconds": seconds}))


if __name__ == "__main__":
    main()

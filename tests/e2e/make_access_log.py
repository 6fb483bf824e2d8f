#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A web server's access log, the same for the same seed: make_access_log.py SEED LINES. Every line is different."""
import random
import sys
import time

AGENTS = ["Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "curl/8.5.0", "Go-http-client/1.1",
          "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15", "-", 'odd "quoted\\" agent', "Bücher-Bot/2 (+https://例え.jp)"]
WORDS = "news about shop cart item search login static img css js feed tag page docs api v1 v2 user order status health".split()


def line(dice, number, second):
    path = "/" + "/".join(dice.choices(WORDS, k=dice.randint(1, 5)))
    if dice.random() < 0.4:
        path += "?" + "&".join(f"{w}={dice.randint(0, 99999)}" for w in dice.sample(WORDS, dice.randint(1, 4)))
    if dice.random() < 0.001:
        path += "/" + "x" * dice.randint(1000, 9000)
    # Few addresses do most of the work, as in life.
    address = f"10.{int(dice.paretovariate(1.2)) % 256}.{int(dice.paretovariate(0.8)) % 256}.{dice.randint(1, 254)}"
    when = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(1_715_000_000 + second))
    verb, status = dice.choices(["GET", "POST", "HEAD", "PUT"], [90, 7, 2, 1])[0], dice.choices([200, 304, 301, 404, 500], [80, 10, 4, 5, 1])[0]
    referrer = dice.choice(["-", "https://example.org/", f"https://example.org{path[:60]}"])
    return f'{address} - - [{when}] "{verb} {path} HTTP/1.1" {status} {dice.randint(0, 300000)} "{referrer}" "{dice.choice(AGENTS)}" {number}'


def main():
    dice, second = random.Random(int(sys.argv[1])), 0
    for number in range(int(sys.argv[2])):
        second += dice.choice([0, 0, 0, 1, 1, 2, 7])
        sys.stdout.buffer.write((line(dice, number, second) + "\n").encode())


main()

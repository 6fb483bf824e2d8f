# SPDX-License-Identifier: Apache-2.0
"""A picture of ratios: one bar per figure on a logarithmic scale, from 1 (as Apache Kafka) to the median, a line for the
rounds' spread, a tick where the aim is."""
import html
import math

LINE, LEFT, WIDTH, DECADES = 22, 330, 460, 3
BETTER, WORSE, INK, FAINT = "#2a7f62", "#b5483a", "#222", "#bbb"


def place(ratio):
    """x of a ratio: 0.001 to 1000, clipped."""
    return LEFT + WIDTH / 2 * (1 + max(-DECADES, min(DECADES, math.log10(max(ratio, 1e-9)))) / DECADES)


def text(x, y, words, anchor="start", colour=INK):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{html.escape(words)}</text>'


def line(x1, y1, x2, y2, colour, width=1):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def svg(title, figures):
    """`figures`: (name, ratios of the rounds, their median, is less better, aim or None)."""
    height = LINE * (len(figures) + 3)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 110}" height="{height}" font-family="sans-serif" font-size="12">',
           f'<rect width="100%" height="100%" fill="white"/>', text(10, 16, title)]
    for power in range(-DECADES, DECADES + 1):
        x = place(10.0**power)
        out += [line(x, LINE * 1.6, x, height - LINE, INK if power == 0 else FAINT), text(x, height - 6, f"{10.0**power:g}", "middle")]
    for i, (name, ratios, middle, is_less_better, aim) in enumerate(figures):
        y = LINE * (i + 2)
        x1, x2 = sorted((place(1), place(middle)))
        colour = BETTER if (middle < 1) == is_less_better else WORSE
        out.append(text(LEFT - 10, y + 12, name + (" (less is better)" if is_less_better else ""), "end"))
        out.append(f'<rect x="{x1:.1f}" y="{y + 2}" width="{max(x2 - x1, 1):.1f}" height="{LINE - 8}" fill="{colour}"/>')
        out.append(line(place(min(ratios)), y + LINE / 2 - 2, place(max(ratios)), y + LINE / 2 - 2, INK, 2))
        if aim is not None:
            out.append(line(place(aim), y, place(aim), y + LINE - 4, INK, 3))
        out.append(text(LEFT + WIDTH + 10, y + 12, f"{middle:.3g}" + ("" if aim is None else f" of {aim:g}")))
    return "\n".join(out + ["</svg>"]) + "\n"

# ruff: noqa: E501 - the rows of a table are long
"""An answer with everything that answers are set with."""

from __future__ import annotations

REFERENCE = r"""# What the sign says

MAIN STREET
No parking
  Mo-Fr 8 am - 6 pm

The area is $A = \pi r^2$, so \(r = \sqrt{\frac{A}{\pi}}\) holds;
it costs $5 and not $10. See [the page](https://example.org/a) or https://example.org/b.[^1]

$$
\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2}
$$

> A quotation goes on
> for two lines.
>
> > And one within it, with **bold** words.
>
> Back again.

1. First
   - nested with `code`
     - deeper
   - other
2. Second

   A paragraph of it.
3. Third

- [x] done
- [ ] to do

```python
def area(r: float) -> float:
    'Return the area.'
    return 3.14 * r ** 2  # about
```

```python
print("another panel")
```

## A wide table

| Name | Where it stands | What it says | Colour of the letters | Height in metres | Who put it there | When | Remarks |
|---|:-:|---|---|--:|---|---|---|
| Sign | In front of the ministry of works | No parking at any time, tow zone | red on white | 2.10 | the city's department of roads | 1987 | a dent in the lower left corner of it |
| Lamp $x^2$ | Beside it | — | grey | 4 | nobody knows | 1990 | `none` |

| a | b |
|---|---|
| 1 | *two* |

---

The end, ~~not~~ yet.

[^1]: A footnote with *words*."""

"""The page's few icons as inline SVG of 16 × 16, drawn with the text's colour."""

from __future__ import annotations


def _icon(shapes: str) -> str:
    return (
        '<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" fill="none" stroke="currentColor" '
        f'stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round">{shapes}</svg>'
    )


MODEL = _icon('<path d="M8 1.8 9.6 6.4 14.2 8 9.6 9.6 8 14.2 6.4 9.6 1.8 8 6.4 6.4Z"/>')
PERSON = _icon('<circle cx="8" cy="5" r="2.8"/><path d="M2.6 14c.6-3 2.6-4.4 5.4-4.4s4.8 1.4 5.4 4.4"/>')
TICK = _icon('<path d="m3 8.6 3.3 3.2L13 4.6"/>')
CROSS = _icon('<path d="m4 4 8 8M12 4l-8 8"/>')
DOT = _icon('<circle cx="8" cy="8" r="1.2" fill="currentColor"/>')
STAR = _icon('<path fill="currentColor" d="m8 1.8 1.9 4 4.3.6-3.1 3 .7 4.3L8 11.6l-3.8 2.1.7-4.3-3.1-3 4.3-.6Z"/>')
BRANCH = _icon('<path d="M4 2.5v4.5a3 3 0 0 0 3 3h6m-3-3 3 3-3 3"/>')
OPEN = _icon('<path d="M6.5 3H3v10h10V9.5M9.5 3H13v3.5M13 3 7.5 8.5"/>')
THEME = _icon('<circle cx="8" cy="8" r="5.8"/><path fill="currentColor" d="M8 2.2a5.8 5.8 0 0 1 0 11.6Z"/>')
PICTURE = _icon('<rect x="2" y="3" width="12" height="10" rx="1.5"/><path d="m2.5 11.5 3.5-4 3 3 2-2 2.5 2.5"/>')
LOGO = (
    '<svg class="logo" viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2" '
    'stroke-linecap="round"><path d="M20 12a8 8 0 1 1-2.7-6"/><path d="M20.5 2.5v4.5H16"/>'
    '<circle cx="12" cy="12" r="2.6" fill="currentColor" stroke="none"/></svg>'
)

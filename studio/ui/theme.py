"""The look of gradio's own components, in the colours that palette.css names; system fonts, nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

FONTS = ("-apple-system", "BlinkMacSystemFont", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")


def theme() -> gr.themes.Base:
    """Both themes at once: every colour is a variable that palette.css sets for light and for dark."""
    colours = {
        "body_background_fill": "var(--paper)",
        "body_text_color": "var(--ink)",
        "body_text_color_subdued": "var(--faint)",
        "background_fill_primary": "var(--surface)",
        "background_fill_secondary": "var(--paper)",
        "border_color_primary": "var(--line)",
        "border_color_accent": "var(--accent)",
        "color_accent": "var(--accent)",
        "color_accent_soft": "var(--tint)",
        "block_background_fill": "transparent",
        "panel_background_fill": "transparent",
        "block_label_text_color": "var(--faint)",
        "block_title_text_color": "var(--faint)",
        "input_background_fill": "var(--field)",
        "input_background_fill_focus": "var(--field)",
        "input_border_color": "var(--edge)",
        "input_border_color_focus": "var(--accent)",
        "input_placeholder_color": "var(--faint)",
        "button_primary_background_fill": "var(--accent)",
        "button_primary_background_fill_hover": "var(--accent-strong)",
        "button_primary_text_color": "var(--on-accent)",
        "button_primary_text_color_hover": "var(--on-accent)",
        "button_primary_border_color": "var(--accent)",
        "button_primary_border_color_hover": "var(--accent-strong)",
        "button_secondary_background_fill": "var(--surface)",
        "button_secondary_background_fill_hover": "var(--tint)",
        "button_secondary_text_color": "var(--ink)",
        "button_secondary_text_color_hover": "var(--ink)",
        "button_secondary_border_color": "var(--edge)",
        "button_secondary_border_color_hover": "var(--accent)",
        "checkbox_label_background_fill": "transparent",
        "checkbox_label_background_fill_selected": "var(--tint)",
        "checkbox_label_text_color": "var(--ink)",
        "checkbox_label_text_color_selected": "var(--ink)",
    }
    measures = {
        "block_border_width": "0px",
        "block_padding": "0px",
        "block_shadow": "none",
        "block_radius": "0px",
        "input_border_width": "1px",
        "input_radius": "6px",
        "input_padding": "6px 9px",
        "input_shadow": "none",
        "input_shadow_focus": "none",
        "button_primary_shadow": "none",
        "button_secondary_shadow": "none",
        "layout_gap": "12px",
    }
    base = gr.themes.Base(font=FONTS, font_mono=("ui-monospace", "Menlo", "Consolas", "monospace"))
    dark = {f"{name}_dark": value for name, value in colours.items() if name != "color_accent"}
    look = base.set(**colours, **dark, **measures, block_border_width_dark="0px", block_shadow_dark="none")
    # Part of the theme, because gradio's login page has the theme and no other style.
    look.custom_css = (Path(__file__).parent / "palette.css").read_text(encoding="utf-8")
    return look

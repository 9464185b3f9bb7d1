//! A report as one HTML file: everything inline, nothing fetched, no script needed. What the data says is escaped
//! wherever it stands, so a model or a tag may be called `<script>`.

use std::fmt::Write as _;

use base64::Engine as _;

use super::shapes::escape;
use super::svg::figure;
use super::{ExportError, Theme};
use crate::chart::Chart;
use crate::chart::table::table;

/// The page's style: system fonts, both colour schemes, paper.
const STYLE: &str = include_str!("html.css");

/// The face of the figures, so that their text looks the same everywhere. It comes with egui.
const FACE: &str = "Ubuntu-Light";

/// Pictures in the report, in CSS pixels; they shrink with the page.
const FIGURE: [f32; 2] = [860.0, 460.0];

/// A whole report.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Title of the page.
    pub title: String,
    /// Under the title.
    pub subtitle: String,
    /// When and by what it was made, as the caller says it.
    pub generated: String,
    /// What it says, in order.
    pub blocks: Vec<Block>,
}

/// To which side the cells of a column are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A piece of a report.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the fields are what HTML calls them")]
pub enum Block {
    /// Starts a section; in the table of contents.
    Heading(String),
    /// Starts a part of a section.
    Subheading(String),
    /// Running text.
    Paragraph(String),
    /// The sentence that matters: a verdict, an answer.
    Callout(String),
    /// A chart, with its data as a table below it.
    Figure { chart: Box<Chart>, caption: String },
    /// Rows under a heading. Columns without an alignment are set left.
    Table { head: Vec<String>, rows: Vec<Vec<String>>, align: Vec<Align>, caption: String },
    /// What the reader must not overlook.
    Warning(String),
    /// Names and what they are.
    KeyValues(Vec<(String, String)>),
    /// Points of a list.
    List(Vec<String>),
}

/// The report as the text of one HTML file.
pub fn html(document: &Document) -> Result<String, ExportError> {
    let Document { title, subtitle, generated, blocks } = document;
    let mut body = String::new();
    let mut headings: Vec<&str> = Vec::new();
    let mut figures = 0;
    for block in blocks {
        match block {
            Block::Heading(text) => {
                headings.push(text);
                let _ = writeln!(body, "<h2 id=\"s{}\">{}</h2>", headings.len(), escape(text));
            }
            Block::Subheading(text) => {
                let _ = writeln!(body, "<h3>{}</h3>", escape(text));
            }
            Block::Paragraph(text) => {
                let _ = writeln!(body, "<p>{}</p>", escape(text));
            }
            Block::Callout(text) => {
                let _ = writeln!(body, "<p class=\"callout\">{}</p>", escape(text));
            }
            Block::Warning(text) => {
                let _ = writeln!(
                    body,
                    "<p class=\"warning\" role=\"note\"><strong>Note</strong> {}</p>",
                    escape(text)
                );
            }
            Block::Figure { chart, caption } => {
                figures += 1;
                write_figure(&mut body, chart, caption, figures)?;
            }
            Block::Table { head, rows, align, caption } => write_table(&mut body, head, rows, align, caption),
            Block::KeyValues(pairs) => {
                body.push_str("<dl>\n");
                for (name, value) in pairs {
                    let _ = writeln!(body, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(value));
                }
                body.push_str("</dl>\n");
            }
            Block::List(points) => {
                body.push_str("<ul>\n");
                for point in points {
                    let _ = writeln!(body, "<li>{}</li>", escape(point));
                }
                body.push_str("</ul>\n");
            }
        }
    }
    let mut page = String::new();
    let _ = writeln!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>\n{}{STYLE}</style>\n\
         </head>\n<body>\n<header>\n<h1>{}</h1>",
        escape(title),
        if figures > 0 { font_face() } else { String::new() },
        escape(title)
    );
    if !subtitle.is_empty() {
        let _ = writeln!(page, "<p class=\"subtitle\">{}</p>", escape(subtitle));
    }
    if !generated.is_empty() {
        let _ = writeln!(page, "<p class=\"generated\">{}</p>", escape(generated));
    }
    page.push_str("</header>\n");
    if headings.len() > 2 {
        page.push_str("<nav aria-label=\"Contents\"><ol>\n");
        for (index, heading) in headings.iter().enumerate() {
            let _ = writeln!(page, "<li><a href=\"#s{}\">{}</a></li>", index + 1, escape(heading));
        }
        page.push_str("</ol></nav>\n");
    }
    let _ = write!(page, "<main>\n{body}</main>\n</body>\n</html>\n");
    Ok(page)
}

/// The figures' face as a rule of the style sheet; empty where egui comes without it.
fn font_face() -> String {
    let fonts = egui::FontDefinitions::default().font_data;
    let Some(font) = fonts.get(FACE) else { return String::new() };
    let bytes: &[u8] = (*font.font).as_ref();
    let data = base64::engine::general_purpose::STANDARD.encode(bytes);
    format!("@font-face {{ font-family: \"Ubuntu Light\"; src: url(data:font/ttf;base64,{data}); }}\n")
}

/// The chart for both colour schemes; the style shows one, and always the light one on paper.
fn write_figure(body: &mut String, chart: &Chart, caption: &str, number: usize) -> Result<(), ExportError> {
    body.push_str("<figure>\n");
    for (theme, class, letter) in [(Theme::Light, "light", 'l'), (Theme::Dark, "dark", 'd')] {
        let svg = figure(chart, FIGURE, theme, &format!("f{number}{letter}-"), true)?;
        let _ = writeln!(body, "<div class=\"{class}\">{svg}</div>");
    }
    if !caption.is_empty() {
        let _ = writeln!(body, "<figcaption>Figure {number}. {}</figcaption>", escape(caption));
    }
    let data = table(chart);
    let align: Vec<Align> = (0..data.head.len())
        .map(|column| {
            let numeric =
                data.rows.iter().all(|row| row[column].is_empty() || row[column].parse::<f64>().is_ok());
            if numeric { Align::Right } else { Align::Left }
        })
        .collect();
    body.push_str("<details><summary>Data of this figure</summary>\n");
    write_table(body, &data.head, &data.rows, &align, "");
    body.push_str("</details>\n</figure>\n");
    Ok(())
}

fn write_table(body: &mut String, head: &[String], rows: &[Vec<String>], align: &[Align], caption: &str) {
    let class = |column: usize| if align.get(column) == Some(&Align::Right) { " class=\"r\"" } else { "" };
    body.push_str("<div class=\"table\"><table>\n");
    if !caption.is_empty() {
        let _ = writeln!(body, "<caption>{}</caption>", escape(caption));
    }
    body.push_str("<thead><tr>");
    for (column, name) in head.iter().enumerate() {
        let _ = write!(body, "<th scope=\"col\"{}>{}</th>", class(column), escape(name));
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        body.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let _ = write!(body, "<td{}>{}</td>", class(column), escape(cell));
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</tbody></table></div>\n");
}

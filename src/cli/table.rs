//! Plain text tables: columns aligned, numbers to the right.

/// Prints rows under a head. Columns whose every cell starts like a number are aligned to the right.
pub fn print(head: &[&str], rows: &[Vec<String>]) {
    for line in lines(head, rows) {
        say!("{line}");
    }
}

fn lines(head: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .chain([head[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let is_number = |cell: &String| {
        cell.is_empty() || cell.starts_with(|c: char| c.is_ascii_digit() || "-−+$€£".contains(c))
    };
    let columns: Vec<(usize, bool)> = (0..head.len())
        .map(|column| (width(column), rows.iter().filter_map(|row| row.get(column)).all(is_number)))
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (cell, (width, right)) in cells.zip(&columns) {
            let pad = " ".repeat(width - cell.chars().count());
            if *right {
                text.push_str(&pad);
                text.push_str(cell);
            } else {
                text.push_str(cell);
                text.push_str(&pad);
            }
            text.push_str("  ");
        }
        text.trim_end().to_owned()
    };
    let mut all = vec![line(&mut head.iter().copied())];
    all.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_align_to_the_right_and_words_to_the_left() {
        let rows = vec![vec!["ab".into(), "1".into()], vec!["c".into(), "12.5".into()]];
        assert_eq!(lines(&["name", "ms"], &rows), ["name    ms", "ab       1", "c     12.5"]);
    }
}

//! What the report says about whether a bill is right.

use super::Block;
use crate::bill::reconcile::{Reconciliation, Verdict};

/// Points and notes told at most: the window has them all.
const MOST: usize = 8;

/// The verdict, and what must be looked into.
pub(super) fn blocks(reconciled: &Reconciliation, blocks: &mut Vec<Block>) {
    let Reconciliation { verdict, headline, points, notes, .. } = reconciled;
    let headline = format!("{headline}.");
    blocks.push(match verdict {
        Verdict::Reconciled => Block::Callout(headline),
        Verdict::Off | Verdict::NoLedger => Block::Warning(headline),
        Verdict::NotChecked | Verdict::Partly => Block::Paragraph(headline),
    });
    for point in points.iter().take(MOST) {
        blocks.push(Block::Warning(sentence(point)));
    }
    if points.len() > MOST {
        blocks.push(Block::Warning(format!("{} more points to look into.", points.len() - MOST)));
    }
    if !notes.is_empty() {
        blocks.push(Block::List(notes.iter().take(MOST).map(|note| sentence(note)).collect()));
    }
}

/// With a capital and a full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

//! What a page is given and what it may ask for.

use std::path::PathBuf;

use crate::app::{App, Command};
use crate::chart::Chart;

/// The pages of the window, in the order of the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Page {
    #[default]
    Welcome,
    Models,
    Measure,
    Explore,
    Compare,
    Bills,
    Prices,
    OtherTools,
}

impl Page {
    /// Every page, in the order of the rail.
    pub const ALL: [Self; 8] = [
        Self::Welcome,
        Self::Models,
        Self::Measure,
        Self::Explore,
        Self::Compare,
        Self::Bills,
        Self::Prices,
        Self::OtherTools,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Welcome => "Welcome",
            Self::Models => "Models",
            Self::Measure => "Measure",
            Self::Explore => "Explore",
            Self::Compare => "Compare",
            Self::Bills => "Bills",
            Self::Prices => "Prices",
            Self::OtherTools => "Imported",
        }
    }
}

/// Something a page asks for; the shell does it after the page is drawn.
#[derive(Debug)]
pub enum Action {
    /// Change the project.
    Do(Command),
    /// Show another page.
    Go(Page),
    /// Ask for files with the desktop's dialog, then open them.
    PickFiles,
    /// Open this file, of whatever kind.
    Open(PathBuf),
    /// Ask for a name, then write the chart there; the ending chooses SVG, PNG or CSV.
    ExportChart(Box<Chart>),
    /// Ask for a name, then write the HTML report of the project.
    ExportReport,
    /// Show the machines to measure on, to check, add or remove them.
    Machines,
    /// Put a text on the clipboard and say so.
    Copy {
        /// What is copied.
        text: String,
        /// What the toast calls it: `Offers as CSV`.
        what: String,
    },
    /// Say something in a toast.
    Say(String),
    /// Export under a name that is known already (the path field, scripts, tests).
    ExportChartTo(Box<Chart>, PathBuf),
}

/// What a page reads, and where its wishes go.
pub struct View<'a> {
    /// The application; pages never change it.
    pub app: &'a App,
    /// Wishes, in order.
    pub actions: Vec<Action>,
}

impl View<'_> {
    /// Asks for a change of the project.
    pub fn send(&mut self, command: Command) {
        self.actions.push(Action::Do(command));
    }

    /// Says something to the user.
    pub fn say(&mut self, text: impl Into<String>) {
        self.actions.push(Action::Say(text.into()));
    }
}

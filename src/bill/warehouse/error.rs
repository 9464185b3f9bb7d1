//! What can go wrong between a question and a warehouse's answer.

/// A warehouse could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WarehouseError {
    /// The name of a table that cannot be read.
    #[error(
        "`{text}` is no table's name; write TABLE, SCHEMA.TABLE or CATALOG.SCHEMA.TABLE, parts with dots in them in quotes"
    )]
    TableName {
        /// What was given.
        text: String,
    },
    /// An address with a password in it.
    #[error(
        "the address has a password or token in it, which would be kept in the project; leave it out of the address and \
         give it apart (--password-env VARIABLE, or the field Password)"
    )]
    SecretInAddress,
    /// An option that is a password.
    #[error(
        "the driver's option {option} is a password or token, which would be kept in the project; write \
         {option}=env:VARIABLE and set that environment variable"
    )]
    SecretInOption {
        /// Its name.
        option: String,
    },
    /// A setting that names an environment variable which is not set.
    #[error(
        "the environment variable {variable}, which holds the {what} of the warehouse, is not set; set it and try again"
    )]
    Variable {
        /// The variable.
        variable: String,
        /// What it holds.
        what: String,
    },
    /// No driver of this name.
    #[error(
        "no ADBC driver `{driver}` is on this machine (looked in the Python packages of {pythons}, and in the folders of ADBC \
         driver manifests); {hint}"
    )]
    NoDriver {
        /// The name.
        driver: String,
        /// The Pythons that were asked.
        pythons: String,
        /// How to get it.
        hint: String,
    },
    /// A library that is no driver.
    #[error("cannot load the ADBC driver: {problem}: {driver}")]
    Load {
        /// The loader's words.
        problem: String,
        /// The library.
        driver: String,
    },
    /// The process that holds the driver.
    #[error("cannot start a process for the driver with `{program}`: {problem}")]
    Start {
        /// The program.
        program: String,
        /// The system's words.
        problem: String,
    },
    /// It ended without an answer.
    #[error("the process with the driver ended without an answer{}; ask again", if last_words.is_empty() { String::new() } else { format!("; its last words: {last_words}") })]
    Crashed {
        /// The last lines of its standard error.
        last_words: String,
    },
    /// The warehouse refused to connect.
    #[error("cannot connect to the warehouse: {problem}: {address}")]
    Connect {
        /// The driver's words.
        problem: String,
        /// The address, without secrets.
        address: String,
    },
    /// The warehouse refused a question.
    #[error("the warehouse cannot {doing}: {problem}: {table}")]
    Query {
        /// What was being done.
        doing: String,
        /// The warehouse's words.
        problem: String,
        /// The table.
        table: String,
    },
    /// It took too long.
    #[error(
        "the warehouse has not answered within {seconds} s and was told to stop; filter the question, or allow it more time: {table}"
    )]
    TimeOut {
        /// The time it had.
        seconds: u64,
        /// The table.
        table: String,
    },
    /// More groups than a machine should take in.
    #[error(
        "the answer has more than {most} rows, and a warehouse is asked for aggregates only; group by fewer columns or \
         ones with fewer values, or filter: {table}"
    )]
    TooMany {
        /// The limit.
        most: u64,
        /// The table.
        table: String,
    },
    /// The table lacks what every bill has.
    #[error("the table is no bill in FOCUS: it lacks {}; {instead}: {table}", missing.join(", "))]
    NotABill {
        /// Columns that are needed.
        missing: Vec<String>,
        /// What it seems to be, and what to name instead.
        instead: String,
        /// The SQL of a view of it in FOCUS, where that is known.
        view: Option<String>,
        /// The table.
        table: String,
    },
    /// Known to the project, but nobody has connected since it was opened.
    #[error("the warehouse table is not connected; connect it (Bills, Files, or `bill --connect`): {table}")]
    NotConnected {
        /// The table.
        table: String,
    },
    /// Something only the rows themselves can tell.
    #[error("cannot {doing}: a warehouse gives aggregates and not its rows: {table}")]
    OnlyAggregates {
        /// What was asked.
        doing: String,
        /// The table.
        table: String,
    },
    /// Rows that are told by more than the warehouse can be asked about.
    #[error(
        "cannot {doing}: what the rules and tags look at differs in more than {most} ways in the rows that match; filter \
         by a service, an account or a day first: {table}"
    )]
    TooVaried {
        /// What was asked.
        doing: String,
        /// The limit.
        most: usize,
        /// The table.
        table: String,
    },
    /// An answer that is not understood.
    #[error("the answer of the warehouse is not understood: {problem}: {table}")]
    Answer {
        /// What is odd.
        problem: String,
        /// The table.
        table: String,
    },
    /// The caller stopped it.
    #[error("the question was stopped; change it, or connect the table again to repeat it")]
    Stopped,
}

//! FOCUS service categories of Google Cloud services, by words in the service's name.

/// Words in a service's name, its FOCUS category and subcategory. The first that fits counts.
const SERVICES: &[(&str, &str, &str)] = &[
    ("gemini", "AI and Machine Learning", "Generative AI"),
    ("generative language", "AI and Machine Learning", "Generative AI"),
    ("vertex", "AI and Machine Learning", "AI Platforms"),
    ("machine learning", "AI and Machine Learning", "Machine Learning"),
    ("natural language", "AI and Machine Learning", "Natural Language Processing"),
    ("speech", "AI and Machine Learning", "Other (AI and Machine Learning)"),
    ("translat", "AI and Machine Learning", "Natural Language Processing"),
    ("vision", "AI and Machine Learning", "Other (AI and Machine Learning)"),
    ("kubernetes", "Compute", "Containers"),
    ("cloud run", "Compute", "Serverless Compute"),
    ("functions", "Compute", "Serverless Compute"),
    ("compute engine", "Compute", "Virtual Machines"),
    ("app engine", "Compute", "Serverless Compute"),
    ("bigquery", "Analytics", "Analytics Platforms"),
    ("dataflow", "Analytics", "Data Processing"),
    ("dataproc", "Analytics", "Data Processing"),
    ("pub/sub", "Integration", "Messaging"),
    ("cloud sql", "Databases", "Relational Databases"),
    ("spanner", "Databases", "Relational Databases"),
    ("alloydb", "Databases", "Relational Databases"),
    ("bigtable", "Databases", "NoSQL Databases"),
    ("firestore", "Databases", "NoSQL Databases"),
    ("datastore", "Databases", "NoSQL Databases"),
    ("memorystore", "Databases", "Caching"),
    ("filestore", "Storage", "File Storage"),
    ("artifact registry", "Developer Tools", "Developer Platforms"),
    ("container registry", "Developer Tools", "Developer Platforms"),
    ("cloud build", "Developer Tools", "Continuous Integration and Deployment"),
    ("cloud storage", "Storage", "Object Storage"),
    ("networking", "Networking", "Network Infrastructure"),
    ("cloud dns", "Networking", "Network Infrastructure"),
    ("key management", "Security", "Secret Management"),
    ("secret manager", "Security", "Secret Management"),
    ("logging", "Management and Governance", "Observability"),
    ("monitoring", "Management and Governance", "Observability"),
    ("support", "Management and Governance", "Support"),
];

/// Words in services' names, in the order they are looked for, with category and subcategory.
pub(in crate::bill) fn service_words() -> impl Iterator<Item = (&'static str, (&'static str, &'static str))> {
    SERVICES.iter().map(|(words, category, subcategory)| (*words, (*category, *subcategory)))
}

/// Category and subcategory of a service; `Other` where the table does not know it.
pub fn category(service: &str) -> (&'static str, &'static str) {
    let service = service.to_lowercase();
    SERVICES
        .iter()
        .find(|(words, ..)| service.contains(words))
        .map_or(("Other", "Other (Other)"), |(_, category, subcategory)| (*category, *subcategory))
}

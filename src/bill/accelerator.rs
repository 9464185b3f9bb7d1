//! Recognises machines with a GPU or another accelerator from the words of a bill row.
//!
//! Instance families as the providers name them: AWS p2–p6, g3–g7, gr6, inf, trn, dl; Azure N-series; Google a2–a4,
//! g2, g4; Oracle BM.GPU and VM.GPU. A bill rarely says more than such a name.

/// True when a text names an accelerator: an instance type in it, a machine family as a meter writes it, or the words
/// GPU or TPU.
pub fn names_accelerator(text: &str) -> bool {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || matches!(c, ':' | ',' | '(' | ')' | '"' | '/' | ';'))
        .filter(|word| !word.is_empty())
        .collect();
    let is_named = |word: &str| is_accelerated_instance(word) || is_gpu_word(word);
    words.iter().any(|word| is_named(word))
        || (0..words.len()).any(|place| is_google_family(&words[place..]) || is_azure_meter(&words[place..]))
}

fn is_gpu_word(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase();
    // `TpuV5e`, `TPU-v4`.
    let is_version =
        |rest: &str| rest.starts_with(['v', '-']) || rest.starts_with(|c: char| c.is_ascii_digit());
    ["gpu", "gpus", "tpu", "tpus"].contains(&word.as_str())
        || word.strip_prefix("tpu").is_some_and(is_version)
}

/// `A2 Instance Core running in Americas`: Google bills cores and memory of its accelerator machines apart.
fn is_google_family(words: &[&str]) -> bool {
    let [family, next, ..] = words else { return false };
    let families = ["a2", "a3", "a3plus", "a3ultra", "a4", "a4x", "g2", "g4"];
    next.eq_ignore_ascii_case("instance") && families.iter().any(|known| family.eq_ignore_ascii_case(known))
}

/// `NC24ads A100 v4`, `ND96isr H100 v5 Spot`: Azure's meters write the name of a size with spaces.
fn is_azure_meter(words: &[&str]) -> bool {
    let [size, rest @ ..] = words else { return false };
    let is_version = |word: &&str| matches!(word.as_bytes(), [b'v' | b'V', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit));
    is_azure_series(&size.to_ascii_lowercase()) && rest.iter().take(2).any(is_version)
}

/// True when the word is an instance type with an accelerator.
pub fn is_accelerated_instance(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    aws(&word) || azure(&word) || google(&word) || word.starts_with("bm.gpu") || word.starts_with("vm.gpu")
}

/// `p5.48xlarge`, `ml.g5.xlarge`, `p6-b200.48xlarge`, `inf2.8xlarge`.
fn aws(word: &str) -> bool {
    let word = word.strip_prefix("ml.").unwrap_or(word);
    let Some((family, size)) = word.split_once('.') else { return false };
    let sizes = ["xlarge", "large", "medium", "metal"];
    if !sizes.iter().any(|known| size.contains(known)) {
        return false;
    }
    [("p", 2..=6), ("g", 3..=7), ("gr", 6..=6), ("inf", 1..=2), ("trn", 1..=3), ("dl", 1..=2)]
        .into_iter()
        .any(|(letters, generations)| {
            number_after(family, letters).is_some_and(|number| generations.contains(&number))
        })
}

/// `Standard_NC24ads_A100_v4`, `ND96isr_H100_v5`. The NP series has FPGAs, which serve other work.
fn azure(word: &str) -> bool {
    let (bare, marked) = match word.strip_prefix("standard_") {
        Some(bare) => (bare, true),
        None => (word, false),
    };
    is_azure_series(bare) && (marked || bare.contains("_v"))
}

/// `nc24ads`: one of the series with GPUs, and a size.
fn is_azure_series(name: &str) -> bool {
    ["nc", "nd", "nv", "ng"].iter().any(|letters| number_after(name, letters).is_some())
}

/// `a2-highgpu-1g`, `a3-megagpu-8g`, `a4x-highgpu-4g`, `g2-standard-4`.
fn google(word: &str) -> bool {
    let Some((family, rest)) = word.split_once('-') else { return false };
    match family {
        "a2" | "a3" | "a4" | "a4x" => rest.contains("gpu"),
        "g2" | "g4" => rest.starts_with("standard") || rest.starts_with("custom"),
        _ => false,
    }
}

/// The number right after the letters a word starts with: `g5g` after `g` is 5.
fn number_after(word: &str, letters: &str) -> Option<u32> {
    let rest = word.strip_prefix(letters)?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names from the providers' price lists.
    #[test]
    fn instances_with_accelerators_are_told_from_those_without() {
        for name in [
            "p5.48xlarge",
            "p6-b200.48xlarge",
            "g5.xlarge",
            "g6e.xlarge",
            "g4dn.metal",
            "inf2.8xlarge",
            "trn1.32xlarge",
            "ml.g5.2xlarge",
            "ml.inf1.xlarge",
            "Standard_NC24ads_A100_v4",
            "Standard_ND96isr_H100_v5",
            "NV36ads_A10_v5",
            "a2-highgpu-1g",
            "a3-megagpu-8g",
            "g2-standard-4",
            "BM.GPU.A10.4",
            "VM.GPU3.1",
        ] {
            assert!(is_accelerated_instance(name), "{name}");
        }
        for name in [
            "m6i.large",
            "c7g.xlarge",
            "t2.micro",
            "r5.large",
            "gp3",
            "p.large",
            "g1.large",
            "Standard_D4s_v5",
            "nc",
            "ND",
            "n2-standard-4",
            "e2-standard-4",
            "a2-other",
            "db.r5.large",
            "Standard_NP10s",
            "g5",
            "trn.large",
        ] {
            assert!(!is_accelerated_instance(name), "{name}");
        }
    }

    #[test]
    fn an_instance_is_found_inside_a_description() {
        assert!(names_accelerator("$1.006 per On Demand Linux g5.xlarge Instance Hour"));
        assert!(names_accelerator("USE1-BoxUsage:p4d.24xlarge"));
        for meter in [
            "Nvidia L4 GPU attached to Spot VMs running in Iowa",
            "A2 Instance Core running in Americas",
            "Spot Preemptible G2 Instance Ram running in Iowa",
            "A3Plus Instance Core running in Virginia",
            "Cloud TpuV5e usage in us-west4",
            "TPU-v4 Pod",
            "NC24ads A100 v4",
            "Virtual Machines ND96isr H100 v5 Spot",
            "NC6s v3",
        ] {
            assert!(names_accelerator(meter), "{meter}");
        }
        for meter in
            ["N2 Instance Core running in Americas", "E2 Instance Ram", "D4s v5", "NC network v4", "tpub"]
        {
            assert!(!names_accelerator(meter), "{meter}");
        }
        assert!(!names_accelerator("$0.0116 per On Demand Linux t2.micro Instance Hour"));
        assert!(!names_accelerator("General Purpose SSD (gp3)"));
    }
}

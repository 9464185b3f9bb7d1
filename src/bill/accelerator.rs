//! Recognises machines with a GPU or another accelerator from the words of a bill row.
//!
//! Instance families as the providers name them: AWS p2–p6, g3–g7, gr6, inf, trn, dl; Azure N-series; Google a2–a4,
//! g2, g4; Oracle BM.GPU and VM.GPU. A bill rarely says more than such a name.

/// True when a text names an accelerator: an instance type in it, or the words GPU or TPU.
pub fn names_accelerator(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || matches!(c, ':' | ',' | '(' | ')' | '"' | '/' | ';'))
        .filter(|word| !word.is_empty())
        .any(|word| is_accelerated_instance(word) || is_gpu_word(word))
}

fn is_gpu_word(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    ["gpu", "gpus", "tpu", "tpus"].iter().any(|known| word.eq_ignore_ascii_case(known))
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
    let series = ["nc", "nd", "nv", "ng"].iter().any(|letters| number_after(bare, letters).is_some());
    series && (marked || bare.contains("_v"))
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
        assert!(names_accelerator("Nvidia L4 GPU attached to Spot VMs running in Iowa"));
        assert!(!names_accelerator("$0.0116 per On Demand Linux t2.micro Instance Hour"));
        assert!(!names_accelerator("General Purpose SSD (gp3)"));
    }
}

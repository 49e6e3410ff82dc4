//! The declarations are exactly those of `vae.h`. The header is parsed here, and
//! also by bindgen if it is installed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// "fn vae_create" to "config: *const vae_config, ... -> vae_status", and so on.
type Items = BTreeMap<String, String>;

const SOURCES: [&str; 3] = [
    include_str!("../src/constants.rs"),
    include_str!("../src/structs.rs"),
    include_str!("../src/functions.rs"),
];

/// The header of the linked library, or of this source tree.
fn header() -> PathBuf {
    let mut places = Vec::new();
    if let Some(dir) = std::env::var_os("VAE_DIR") {
        places.push(PathBuf::from(dir).join("include/vae.h"));
    }
    let asked = Command::new("pkg-config")
        .args(["--variable=includedir", "vae"])
        .output();
    if let Ok(answer) = asked {
        let folder = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        places.push(PathBuf::from(folder).join("vae.h"));
    }
    places.push(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../capi/vae.h"));
    let found = places.iter().find(|place| place.is_file());
    found
        .unwrap_or_else(|| panic!("no vae.h at any of {places:?}"))
        .clone()
}

/// The text between `from` and `to`, and the text after `to`.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<(&'a str, &'a str)> {
    let (_, rest) = text.split_once(from)?;
    rest.split_once(to)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

// --- Rust ------------------------------------------------------------------

fn without_comments_and_attributes(source: &str) -> String {
    let code = |line: &&str| !line.trim().starts_with("//") && !line.trim().starts_with("#[");
    source.lines().filter(code).collect::<Vec<_>>().join(" ")
}

/// Tokens with one space between them: bindgen's output is formatted only where
/// rustfmt is installed.
fn spaced(rust: &str) -> String {
    let mut text = String::new();
    for sign in rust.chars() {
        if sign.is_alphanumeric() || sign == '_' {
            text.push(sign);
        } else {
            text.extend([' ', sign, ' ']);
        }
    }
    one_line(&text)
}

/// One spelling for what rustfmt, bindgen and these sources spell differently.
fn plain(rust: &str) -> String {
    spaced(rust)
        .replace(": : std : : os : : raw : : ", "")
        .replace(": : std : : option : : ", "")
        .replace("usize ]", " ]")
        .replace("VAE_MAX_LAYERS ]", "8 ]")
        .replace(", )", ")")
        .replace(", >", ">")
        .trim()
        .trim_end_matches(',')
        .trim_end()
        .to_owned()
}

fn items_of_rust(source: &str) -> Items {
    let source = spaced(&without_comments_and_attributes(source));
    let mut items = Items::new();
    for item in source.split("pub ") {
        let mut add = |kind: &str, name: &str, what: &str| {
            if name.to_lowercase().starts_with("vae_") {
                items.insert(format!("{kind} {}", name.trim()), plain(what));
            }
        };
        let (kind, rest) = item.split_once(' ').unwrap_or_default();
        match (kind, rest.split_once([':', '(', '='])) {
            ("const", Some((name, _))) => {
                let (value, _) = between(rest, "= ", ";").expect("a constant's value");
                add(kind, name, value);
            }
            ("fn" | "type", Some((name, rest))) => {
                add(kind, name, rest.split(';').next().unwrap_or_default());
            }
            _ => {}
        }
    }
    for item in source.split("pub struct ").skip(1) {
        let (name, rest) = item.split_once('{').expect("a struct's body");
        let body = rest.split('}').next().unwrap_or_default();
        let fields = body.split("pub ").skip(1).map(plain).collect::<Vec<_>>();
        items.insert(format!("struct {}", name.trim()), fields.join(" , "));
    }
    items
}

// --- C ---------------------------------------------------------------------

fn without_comments(mut source: &str) -> String {
    let mut code = String::new();
    while let Some((before, rest)) = source.split_once("/*") {
        code += before;
        source = rest.split_once("*/").expect("a comment's end").1;
    }
    code + source
}

/// "const vae_batch* batch" to "batch: *const vae_batch".
fn field_of_c(declaration: &str) -> String {
    let declaration = declaration.trim();
    let name_at = declaration.rfind([' ', '*']).expect("a type and a name") + 1;
    let (c_type, name) = declaration.split_at(name_at);
    match name.split_once('[') {
        Some((name, size)) => format!("{name}: [{}; {size}", type_of_c(c_type)),
        None => format!("{name}: {}", type_of_c(c_type)),
    }
}

fn type_of_c(c_type: &str) -> String {
    let c_type = c_type.trim();
    if let Some(target) = c_type.strip_suffix('*') {
        return match target.strip_prefix("const ") {
            Some(target) => format!("*const {}", type_of_c(target)),
            None => format!("*mut {}", type_of_c(target)),
        };
    }
    let known = match c_type {
        "uint32_t" => "u32",
        "int32_t" => "i32",
        "uint64_t" => "u64",
        "int64_t" => "i64",
        "double" => "f64",
        "float" => "f32",
        "char" => "c_char",
        "void" => "c_void",
        other => other,
    };
    known.to_owned()
}

/// "(void)" and the like to "batch: *const vae_batch) -> vae_status".
fn signature_of_c(result: &str, arguments: &str) -> String {
    let arguments = match arguments.trim() {
        "void" => String::new(),
        list => list
            .split(',')
            .map(field_of_c)
            .collect::<Vec<_>>()
            .join(", "),
    };
    match result.trim() {
        "void" => format!("{arguments})"),
        other => format!("{arguments}) -> {}", type_of_c(other)),
    }
}

fn items_of_c(source: &str) -> Items {
    let source = without_comments(source);
    let mut items = Items::new();
    for line in source.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["#define", name, value] = words[..] {
            if value.parse::<i64>().is_ok() {
                items.insert(format!("const {name}"), value.to_owned());
            }
        }
    }
    let code = source.lines().filter(|line| !line.starts_with('#'));
    let source = one_line(&code.collect::<Vec<_>>().join(" "));
    for item in source.split("VAE_API ").skip(1) {
        let head_and_rest = item
            .split_once('(')
            .filter(|(head, _)| head.contains("vae_"));
        if let Some((head, rest)) = head_and_rest {
            let arguments = rest.split(')').next().unwrap_or_default();
            let name_at = head.rfind([' ', '*']).expect("a result and a name") + 1;
            let (result, name) = head.split_at(name_at);
            let signature = plain(&signature_of_c(result, arguments));
            items.insert(format!("fn {name}"), signature);
        }
    }
    for item in source.split("typedef ").skip(1) {
        if let Some((result, rest)) = item.split_once(" (*") {
            let (name, rest) = rest.split_once(")(").expect("a function type");
            let arguments = rest.split(");").next().unwrap_or_default();
            let signature = signature_of_c(result, arguments);
            let signature = format!("Option<unsafe extern \"C\" fn({signature}>");
            items.insert(format!("type {name}"), plain(&signature));
        } else if let Some(item) = item.strip_prefix("struct ") {
            let name = item.split([' ', ';']).next().unwrap_or_default();
            let body = between(item, "{", "}").filter(|_| item.starts_with(&format!("{name} {{")));
            let fields = body.map_or("", |(body, _)| body).split(';');
            let fields = fields
                .filter(|field| !field.trim().is_empty())
                .map(field_of_c);
            let fields = plain(&fields.collect::<Vec<_>>().join(", "));
            items.insert(format!("struct {name}"), fields);
        } else {
            let (c_type, name) = item.split(';').next().unwrap().split_once(' ').unwrap();
            items.insert(format!("type {name}"), plain(&type_of_c(c_type)));
        }
    }
    items
}

// --- the comparison --------------------------------------------------------

fn assert_same(theirs: &Items, who: &str) {
    let ours = SOURCES
        .iter()
        .flat_map(|source| items_of_rust(source))
        .collect::<Items>();
    let kind = |kind: &str| ours.keys().filter(|name| name.starts_with(kind)).count();
    for (name, least) in [("const ", 57), ("fn ", 50), ("struct ", 10), ("type ", 3)] {
        assert!(kind(name) >= least, "lost while reading: a {name}");
    }
    let mut differences = String::new();
    for name in ours
        .keys()
        .chain(theirs.keys().filter(|name| !ours.contains_key(*name)))
    {
        let (here, there) = (ours.get(name), theirs.get(name));
        if here != there {
            differences += &format!("{name}\n  here: {here:?}\n  {who}: {there:?}\n");
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn declarations_are_read_however_they_are_formatted() {
    for source in SOURCES {
        let items = items_of_rust(source);
        let source = without_comments_and_attributes(source);
        let packed = source.replace(": ", ":").replace(", ", ",");
        assert_eq!(items, items_of_rust(&spaced(&source)));
        assert_eq!(items, items_of_rust(&one_line(&packed)));
    }
}

#[test]
fn declarations_are_those_of_the_header() {
    let source = std::fs::read_to_string(header()).unwrap();
    assert_same(&items_of_c(&source), "vae.h");
}

#[test]
fn declarations_are_those_of_bindgen() {
    let output = Command::new("bindgen")
        .args(["--no-layout-tests", "--no-doc-comments"])
        .args([
            "--allowlist-function",
            "vae_.*",
            "--allowlist-type",
            "vae_.*",
        ])
        .args(["--allowlist-var", "VAE_.*"])
        .arg(header())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            let required = std::env::var("VAE_REQUIRE_ALL").map_or(false, |all| all == "1");
            assert!(!required, "bindgen does not run: {error}");
            return eprintln!("skipped, bindgen does not run: {error}");
        }
    };
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    let source = String::from_utf8(output.stdout).unwrap();
    assert_same(&items_of_rust(&source), "bindgen");
}

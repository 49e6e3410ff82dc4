"""The Rust crates: vae-sys follows vae.h, vae's Config follows the table."""
import re

import header
from table import CHOICES
from text import Rust, choice_of, constant, doc_lines, sentence, wrapped
from c_family import LIBRARY_FIELDS

RUST = Rust()
LAYERS = next(f for f in LIBRARY_FIELDS if f.kind == "layers")
TYPES = {"uint32_t": "u32", "int32_t": "i32", "uint64_t": "u64", "int64_t": "i64",
         "double": "f64", "float": "f32", "char": "c_char", "void": "c_void"}
SPECIAL = {"VAE_MAX_LAYERS": "usize", "VAE_ABI_VERSION": "u32",
           "VAE_PHASE_TRAIN": "u32", "VAE_PHASE_EVALUATE": "u32"}


def from_header(text):
    """A comment of vae.h in rustdoc's words."""
    text = re.sub(r"#(VAE_\w+)", r"[`\1`]", text)
    text = re.sub(r"\b(vae_\w+)\(\)", r"[`\1`]", text)
    text = re.sub(r"(?<![`\[])\b(vae_\w+\.\w+)", r"`\1`", text)
    return re.sub(r"(?<!`)(\[[a-z0-9][^`\]]*[\])](?:\[\w+\])*)(?!`)", r"`\1`", text)


def constants(found):
    lines = []
    for item in found:
        kind = SPECIAL.get(item.name)
        if kind is None:
            status = item.name == "VAE_OK" or item.name.startswith("VAE_E_")
            kind = "vae_status" if status else "i32"
        lines += doc_lines(from_header(item.doc), "///")
        lines.append(f"pub const {item.name}: {kind} = {item.value};")
    return lines


def raw_type(member):
    name = member.c_type
    if name.endswith("*"):
        const, name = name.startswith("const "), name[:-1].replace("const ", "")
        return f"*{'const' if const else 'mut'} {TYPES.get(name, name)}"
    kind = TYPES.get(name, name)
    if member.count == 1:
        return kind
    return f"[{kind}; {'VAE_MAX_LAYERS' if member.name == 'layers' else member.count}]"


def structs(found):
    lines = []
    for struct in found:
        lines += doc_lines(from_header(struct.doc), "///")
        lines += ["#[repr(C)]", "#[derive(Clone, Copy, Debug)]",
                  f"pub struct {struct.name} {{"]
        for member in struct.members:
            lines += doc_lines(from_header(member.doc), "///", "    ")
            lines.append(f"    pub {member.name}: {raw_type(member)},")
        lines += ["}", ""]
    return lines[:-1]


def layouts(found):
    lines = []
    for struct in found:
        size = sum(map(header.size_of, struct.members))
        lines.append(f"    {struct.name}: {size}, 8 {{")
        offset = 0
        for member in struct.members:
            lines.append(f"        {member.name}: {offset}, {header.size_of(member)};")
            offset += header.size_of(member)
        lines.append("    }")
    return lines


def choices():
    lines = []
    for choice in CHOICES:
        name = choice.in_rust
        lines += doc_lines(RUST.translate(choice.doc), "///", "    ")
        field = next(f.name for f in LIBRARY_FIELDS if f.kind == choice.name)
        lines.append(f'    {name} ("{field}") {{')
        for value, doc in choice.values:
            text = RUST.translate(sentence(doc)).replace(
                "`gaussian_sigma`", "[`Config::gaussian_sigma`](crate::Config)")
            lines += wrapped(text, "        /// ")
            lines.append(f"        {value.capitalize()} = {constant(choice, value)},")
        lines.append("    }")
    return lines


def fields():
    kinds = {"uint32": "u32", "int32": "i32", "uint64": "u64", "double": "f64"}
    lines = []
    for field in LIBRARY_FIELDS:
        if field.kind == "layers":
            continue
        choice = choice_of(field)
        name = choice.in_rust if choice else ""
        value = f"{name}::{field.default.capitalize()}" if choice else field.default
        if field.kind == "double" and value.isdigit():
            value += ".0"
        lines += doc_lines(RUST.describe(field), "///", "    ")
        kind = name or kinds.get(field.kind, field.kind)
        lines.append(f"    {field.name}: {kind} = {value},")
    return lines


def carried():
    names = [choice.in_rust for choice in CHOICES]
    return [f"    {name} as i32: i32::from, {name}::try_from;" for name in names]


def layers_doc():
    return doc_lines(RUST.describe(LAYERS), "///", " " * 12)


def layers_default():
    return [f"const LAYERS: &[u32] = &[{LAYERS.default}];"]

"""vae.h, include/vae/config.hpp and the lists that the library walks."""
import header
from table import CHOICES, FIELDS, FIRST_OPTIONAL
from text import (Cpp, Language, c_comment, choice_of, constant, cpp_value, doc_lines,
                  sentence)

C_TYPES = {"uint32": "uint32_t", "int32": "int32_t", "uint64": "uint64_t",
           "double": "double", "c_only": "uint32_t", "layers": "uint32_t"}
C, CPP = Language(), Cpp()
LIBRARY_FIELDS = [f for f in FIELDS if f.kind != "c_only"]


def header_choices():
    """The constants of vae.h that a configuration's fields take."""
    lines = []
    for choice in CHOICES:
        field = next(f for f in FIELDS if f.kind == choice.name)
        subject = choice.subject or f"vae_config.{field.name}"
        for number, (value, doc) in enumerate(choice.values, 1):
            lines += c_comment(f"{subject}: {C.translate(doc)}.")
            lines.append(f"#define {constant(choice, value)} {number}")
        lines.append("")
    return lines[:-1]


def c_type(field):
    if field.kind == "bool":
        return field.c_type
    return C_TYPES.get(field.kind, "int32_t")


def header_struct():
    """vae_config with its sizes, fields and comments."""
    fields = [("struct_size", "uint32_t", "", "sizeof(vae_config) in the host."),
              ("abi_version", "uint32_t", "", "#VAE_ABI_VERSION of the host.")]
    for field in FIELDS:
        many = field.kind == "layers"
        doc = C.describe(field)
        if many:
            doc = doc.replace(" Default", " Entries beyond `layer_count` are zero. Default")
        fields.append((field.name, c_type(field), "[VAE_MAX_LAYERS]" if many else "",
                       doc))
    size = optional = 0
    body = []
    for name, kind, array, doc in fields:
        if name == FIRST_OPTIONAL:
            optional = size
        size += header.SIZES[kind] * (8 if array else 1)
        body += c_comment(doc, "  ")
        body.append(f"  {kind} {name}{array};")
    return ["/**",
            " * @brief Model, objective, optimizer and execution of a trainer. "
            f"{size} bytes,",
            f" *        minimum {optional}.",
            " *",
            " * The defaults are those of the original program: a convolutional VAE for "
            "28x28",
            " * grey images, trained with Adam in batches of 64.",
            " */",
            "typedef struct vae_config {", *body, "} vae_config;"]


def cpp_choices():
    lines = []
    for choice in CHOICES:
        lines += doc_lines(CPP.translate(choice.doc), "///")
        lines.append(f"enum class {choice.name} : std::int32_t {{")
        for number, (value, doc) in enumerate(choice.values, 1):
            lines += doc_lines(CPP.translate(sentence(doc)), "///", "  ")
            lines.append(f"  {cpp_value(value)} = {number},")
        lines += ["};", ""]
    return lines[:-1]


def cpp_type(field):
    if field.kind in ("uint32", "int32", "uint64"):
        return f"std::{C_TYPES[field.kind]}"
    return {"layers": "std::vector<std::uint32_t>"}.get(field.kind, field.kind)


def literal(field, value):
    """`value` of a field's type in C++."""
    if field.kind == "double" and value.isdigit():
        return value + ".0"
    return value + "u" if field.kind == "uint32" else value


def cpp_fields():
    lines = []
    for field in LIBRARY_FIELDS:
        if field.heading:
            dashes = "-" * (68 - len(field.heading))
            lines += ["", f"  // --- {field.heading} {dashes}"]
        lines += doc_lines(CPP.describe(field), "///", "  ")
        choice = choice_of(field)
        if field.kind == "layers":
            lines.append(f"  {cpp_type(field)} {field.name}{{{field.default}}};")
            continue
        value = (f"{choice.name}::{cpp_value(field.default)}" if choice
                 else literal(field, field.default).rstrip("u"))
        lines.append(f"  {cpp_type(field)} {field.name} = {value};")
    return lines[1:]


def names():
    lines = []
    for choice in CHOICES:
        listed = ", ".join(f'"{value}"' for value, _ in choice.values)
        lines += ["template <>", f"struct Names<{choice.name}> {{",
                  f"  static constexpr std::array list{{{listed}}};", "};"]
    return lines


def call(name, *arguments):
    """One call in a function's body, broken as clang-format does."""
    line = f"  {name}({', '.join(arguments)});"
    if len(line) <= 80:
        return [line]
    indent = " " * (3 + len(name))
    lines, line = [], f"  {name}("
    for index, argument in enumerate(arguments):
        piece = argument + (");" if index == len(arguments) - 1 else ",")
        if len(line) + 1 + len(piece) > 80:
            lines.append(line)
            line = indent + piece
        else:
            line += ("" if line.endswith("(") else " ") + piece
    return lines + [line]


def fields():
    lines = []
    for field in LIBRARY_FIELDS:
        allowed = "Unchecked{}"
        if field.high is not None:
            kind = "Below" if field.below else "Closed"
            allowed = (f"{kind}{{{literal(field, field.low)}, "
                       f"{literal(field, field.high)}}}")
        later = ", true" if field.later else ""
        lines += call("visit", f'Field{{"{field.name}", Scope::{field.scope}{later}}}',
                      allowed, f"&Config::{field.name}")
    return lines


def c_choices():
    lines = []
    for choice in CHOICES:
        pairs = [(constant(choice, value), f"{choice.name}::{cpp_value(value)}")
                 for value, _ in choice.values]
        for name, value in pairs:
            lines.append(f"static_assert(static_cast<int>({value}) == {name});")
        lines += ["template <>",
                  "inline constexpr std::initializer_list<Choice> "
                  f"kChoices<{choice.name}>{{"]
        lines += [f'    {{{name}, "{name}"}},' for name, _ in pairs]
        lines.append("};")
    return lines


def c_fields():
    lines = []
    for field in LIBRARY_FIELDS:
        if field.kind != "layers":
            lines += call("visit", f'"{field.name}"', f"&vae_config::{field.name}",
                          f"&Config::{field.name}")
    return lines


def layout(structs):
    lines = []
    for struct in structs:
        lines.append(f"    STRUCT({struct.name}),")
        lines += [f"    FIELD({struct.name}, {m.name})," for m in struct.members]
    return lines

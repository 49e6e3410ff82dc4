"""The assembly for .NET: its structs follow vae.h, VaeConfig follows the table."""
import header
from table import CHOICES
from text import CSharp, choice_of, pascal, sentence, wrapped
from c_family import LIBRARY_FIELDS

CSHARP = CSharp()
TYPES = {"uint32_t": "uint", "int32_t": "int", "uint64_t": "ulong", "int64_t": "long",
         "double": "double", "char": "byte", "vae_progress_fn": "IntPtr"}
# What a host hands through without looking at it.
OPAQUE = {"stream", "user"}
INDENT = " " * 8


def summary(text, indent):
    mark = f"{indent}/// "
    return wrapped(f"<summary>{text}</summary>", mark, width=100)


def raw_type(member):
    name = member.c_type.replace("const ", "")
    if member.name in OPAQUE:
        return "IntPtr"
    if name.endswith("*"):
        return {"void*": "void*", "float*": "float*", "double*": "double*",
                "int32_t*": "int*"}[name]
    return TYPES[name]


def structs(found, constants):
    version = next(c.value for c in constants if c.name == "VAE_ABI_VERSION")
    lines = ["    internal static class VaeAbi", "    {",
             f"{INDENT}internal const uint Version = {version};", "    }", ""]
    for struct in found:
        size = sum(map(header.size_of, struct.members))
        kinds = [raw_type(m) for m in struct.members]
        unsafe = any(m.count > 1 or kind.endswith("*")
                     for m, kind in zip(struct.members, kinds))
        lines += [f"    [StructLayout(LayoutKind.Sequential, Size = {size})]",
                  f"    internal {'unsafe ' if unsafe else ''}struct {struct.name}",
                  "    {"]
        for member, kind in zip(struct.members, kinds):
            if member.count > 1:
                length = pascal(member.name) + "Length"
                lines += [f"{INDENT}internal const int {length} = {member.count};",
                          f"{INDENT}internal fixed {kind} {member.name}[{length}];"]
            else:
                lines.append(f"{INDENT}internal {kind} {member.name};")
        lines += ["    }", ""]
    return lines[:-1]


def choices():
    lines = []
    for choice in CHOICES:
        lines += summary(CSHARP.translate(choice.doc), "    ")
        lines += [f"    public enum {choice.in_csharp}", "    {"]
        for number, (value, doc) in enumerate(choice.values, 1):
            lines += summary(CSHARP.translate(sentence(doc)), INDENT)
            lines.append(f"{INDENT}{value.capitalize()} = {number},")
        lines += ["    }", ""]
    return lines[:-1]


def kind_of(field):
    choice = choice_of(field)
    if choice:
        return choice.in_csharp
    return {"uint32": "int", "int32": "int", "uint64": "ulong", "layers": "int[]"}.get(
        field.kind, field.kind)


def properties():
    lines = []
    for field in LIBRARY_FIELDS:
        lines += summary(sentence(CSHARP.describe(field)[:-1]), INDENT)
        lines += [f"{INDENT}public {kind_of(field)} {pascal(field.name)} {{ get; set; }}",
                  ""]
    return lines[:-1]


def to_native():
    lines = []
    for field in LIBRARY_FIELDS:
        name = pascal(field.name)
        value = name
        if field.kind == "layers":
            continue
        if field.kind == "uint32":
            value = f'Whole.Small("{field.name}", {name})'
        elif field.kind == "bool":
            value = f"{name} ? " + ("1u : 0u" if field.c_type == "uint32_t" else "1 : 0")
        elif choice_of(field):
            value = f"(int){name}"
        lines.append(f"{INDENT}    native.{field.name} = {value};")
    return lines


def from_native():
    lines = []
    for field in LIBRARY_FIELDS:
        value = f"native->{field.name}"
        if field.kind == "layers":
            continue
        if field.kind == "bool":
            value += " != 0"
        elif field.kind == "uint32" or choice_of(field):
            value = f"({kind_of(field)}){value}"
        lines.append(f"{INDENT}    {pascal(field.name)} = {value};")
    return lines

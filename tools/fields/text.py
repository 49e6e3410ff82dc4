"""Texts of the table in the words of each language, wrapped.

A `Language` says how a constant, a function and a field are written; everything else
is the same for all of them.
"""
import re
import textwrap

import table

FUNCTIONS = {  # vae.h: C++, Rust, C#
    "vae_train_epoch": ("Trainer::train_epoch()", "`Trainer::train_epoch`",
                        "<c>Trainer.TrainEpoch</c>"),
    "vae_param_read": ("Trainer::read_param()", "`Trainer::read_param`",
                       "<c>Trainer.ReadParameter</c>"),
    "vae_diagnose": ("Trainer::diagnose()", "`Trainer::diagnose`",
                     "<c>Trainer.Diagnose</c>"),
}


def pascal(name):
    return "".join(part.capitalize() for part in name.split("_"))


def choice_of(field):
    """The Choice of a field, or None."""
    return next((c for c in table.CHOICES if c.name == field.kind), None)


def constant(choice, value):
    return choice.prefix + value.upper()


def sentence(text):
    """`text` with a full stop and a capital, unless it begins with a symbol, p(x|z)."""
    return (text if text[1] == "(" else text[0].upper() + text[1:]) + "."


def cpp_value(value):
    return "automatic" if value == "auto" else value


class Language:
    """C: texts stay as they are. The others override what is written differently."""
    bools = ("1", "0")
    typed_choices = False      # a choice is a type of its own, which lists its values

    def constant(self, choice, value):
        return "#" + constant(choice, value)

    def status(self, name):
        return "#VAE_E_" + name

    def function(self, name):
        return name + "()"

    def field(self, name):
        return f"`{name}`"

    def escape(self, text):
        return text

    def translate(self, text):
        """A text of the table in this language."""
        constants = {constant(c, v[0]): (c, v[0]) for c in table.CHOICES
                     for v in c.values}
        text = self.escape(text)
        text = re.sub(r"#VAE_E_(\w+)", lambda m: self.status(m[1]), text)
        text = re.sub(r"#(VAE_[A-Z0-9_]+)",
                      lambda m: self.constant(*constants[m[1]])
                      if m[1] in constants else m[0], text)
        text = re.sub(r"(vae_\w+)\(\)", lambda m: self.function(m[1]), text)
        names = {f.name for f in table.FIELDS}
        return re.sub(r"(?<!\[)`(\w+)`",
                      lambda m: self.field(m[1]) if m[1] in names else m[0], text)

    def describe(self, field):
        """What a field means, its range and its default, as one paragraph."""
        choice, doc = choice_of(field), field.doc
        if choice:
            text = f"{doc}; default #{constant(choice, field.default)}."
            if not self.typed_choices:
                values = [f"#{constant(choice, value)}" +
                          (" (default)" if value == field.default else "")
                          for value, _ in choice.values]
                text = f"{doc}: {', '.join(values)}."
        elif field.kind == "bool":
            on, off = self.bools
            mark_on, mark_off = ((" (default)", "") if field.default == "true" else
                                 ("", " (default)"))
            text = f"{on}{mark_on}: {doc}; {off}{mark_off}: {field.off}."
        elif field.zero is not None:
            interval = f", {self.interval(field)}" if field.high is not None else ""
            text = f"{doc}{interval}; 0 (default): {field.zero}."
        elif field.high is not None:
            text = f"{doc}, {self.interval(field)}; default {field.default}."
        elif field.kind == "c_only" or field.name == "samples":
            text = doc + "."
        elif field.kind == "layers":
            text = f"{doc}. Default {field.default}."
        else:
            text = f"{doc}; default {field.default}."
        return self.translate(text + (" " + field.more if field.more else ""))

    @staticmethod
    def interval(field):
        if field.below:
            return f"in [{field.low}, {field.high})"
        if field.kind == "double":
            return f"{field.low} to {field.high}"
        low = "1" if field.zero is not None else field.low
        return f"{low}..{field.high}"


class Typed(Language):
    """A language with bool and enumerations; `column` is its place in FUNCTIONS."""
    bools = ("true", "false")
    typed_choices = True
    column = 0

    def function(self, name):
        return FUNCTIONS[name][self.column]


class Cpp(Typed):
    def constant(self, choice, value):
        return f"{choice.name}::{cpp_value(value)}"

    def status(self, name):
        return "Status::" + name.lower()


class Rust(Typed):
    column = 1

    def constant(self, choice, value):
        return f"[`{choice.in_rust}::{value.capitalize()}`]"

    def status(self, name):
        return f"[`Status::{name}`](crate::Status::{name})"

    def escape(self, text):
        text = re.sub(r"(\d)\.\.(\d)", r"\1 to \2", text)  # 1..8 excludes 8 in Rust
        return re.sub(r"\[(.+?)([\])])", r"\\[\1\\\2", text).replace("\\)", ")")


class CSharp(Typed):
    column = 2

    def constant(self, choice, value):
        name = f"Vae.{choice.in_csharp}.{value.capitalize()}"
        return f'<see cref="{name}"/>'

    def status(self, name):
        return f'<see cref="VaeStatus.{pascal(name)}"/>'

    def field(self, name):
        return f'<see cref="VaeConfig.{pascal(name)}"/>'

    def escape(self, text):
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def wrapped(text, first, rest=None, width=80):
    """Lines of `text`, which begin with `first`, then with `rest`."""
    rest = first if rest is None else rest
    lines = textwrap.wrap(text.replace("<see ", "<see~"), width, initial_indent=first,
                          subsequent_indent=rest, break_long_words=False,
                          break_on_hyphens=False)
    return [line.replace("<see~", "<see ") for line in lines]


def c_comment(text, indent=""):
    """A comment that Doxygen reads: one line, or as many as are needed."""
    line = f"{indent}/** {text} */"
    if len(line) <= 80:
        return [line]
    # The last word takes the end with it: no line has the end alone.
    lines = wrapped(text + "~*/", f"{indent}/** ", f"{indent} *  ")
    return lines[:-1] + [lines[-1].replace("~*/", " */")]


def doc_lines(text, mark, indent=""):
    return wrapped(text, f"{indent}{mark} ")

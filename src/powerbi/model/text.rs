//! TMDL as text, as Microsoft's serializer writes it: tabs, line feeds, names in quotes where they must be.

/// An object of TMDL while it is written.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    /// A line, so deep.
    pub fn line(&mut self, depth: usize, line: &str) {
        if !line.is_empty() {
            self.0.extend(std::iter::repeat_n('\t', depth));
        }
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// An empty line.
    pub fn gap(&mut self) {
        self.0.push('\n');
    }

    /// What the object that follows is, for people.
    pub fn description(&mut self, depth: usize, text: &str) {
        for line in text.lines() {
            self.line(depth, &format!("/// {line}"));
        }
    }

    /// `name = expression`: on one line, or on lines of their own, two deeper.
    pub fn expression(&mut self, depth: usize, name: &str, expression: &str) {
        self.expression_at(depth, name, expression, depth + 2);
    }

    /// The same with lines that are so deep.
    pub fn expression_at(&mut self, depth: usize, name: &str, expression: &str, inside: usize) {
        if expression.contains('\n') {
            self.line(depth, &format!("{name} ="));
            for line in expression.lines() {
                // TMDL counts tabs, and DAX and M are written with four spaces.
                self.line(inside, &tabs(line));
            }
        } else {
            self.line(depth, &format!("{name} = {expression}"));
        }
    }

    /// The whole text.
    pub fn end(mut self) -> String {
        self.gap();
        self.0
    }
}

fn tabs(line: &str) -> String {
    let text = line.trim_start_matches(' ');
    let spaces = line.len() - text.len();
    format!("{}{text}", "\t".repeat(spaces / 4))
}

/// A name as TMDL writes it.
pub(super) fn name(name: &str) -> String {
    if name.contains([' ', '.', '=', '\'', ':']) { format!("'{}'", name.replace('\'', "''")) } else { name.to_string() }
}

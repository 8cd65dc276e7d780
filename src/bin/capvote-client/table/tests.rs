//! Files of every form: how they are cut, and written again.

use super::*;

fn rows(text: &str) -> Vec<String> {
    let table = Table::parse(text).unwrap_or_else(|why| panic!("{text:?}: {why}"));
    let shown = |row: &Row| {
        let fields: Vec<_> = row.fields.iter().collect();
        format!("{}:{}", row.line, fields.join("/"))
    };
    std::iter::once(&table.heading).chain(&table.rows).map(shown).collect()
}

#[test]
fn the_separator_is_found() {
    for (text, found) in [
        ("name,town\nAnn,Paris\n", ["1:name/town", "2:Ann/Paris"]),
        ("name;town\nAnn;Paris\n", ["1:name/town", "2:Ann/Paris"]),
        ("name\ttown\r\nAnn\tParis\r\n", ["1:name/town", "2:Ann/Paris"]),
        ("name|town\rAnn|Paris\r", ["1:name/town", "2:Ann/Paris"]),
        ("name;town\nDoe, Ann;Paris\n", ["1:name/town", "2:Doe, Ann/Paris"]),
        ("name;share\nAnn;1,5\n", ["1:name/share", "2:Ann/1,5"]),
        ("name, given;town\nDoe, Ann;Paris\n", ["1:name, given/town", "2:Doe, Ann/Paris"]),
        ("name,notes\nAnn,a;b\n", ["1:name/notes", "2:Ann/a;b"]),
        ("name,notes\nAnn,\"a,b;c\"\n", ["1:name/notes", "2:Ann/a,b;c"]),
        ("name\nAnn\n", ["1:name", "2:Ann"]),
        ("sep=;\nname;town,x\nAnn;Paris\n", ["2:name/town,x", "3:Ann/Paris"]),
        ("\u{FEFF}\"sep=;\"\r\nname;town\r\nAnn;Paris", ["2:name/town", "3:Ann/Paris"]),
        ("SEP=\t\nname\ttown\nAnn\tParis", ["2:name/town", "3:Ann/Paris"]),
        ("\u{FEFF}name,town\n\n,\nAnn,Paris", ["1:name/town", "4:Ann/Paris"]),
        (";;\r\n\r\nname;town\r\n; \r\nAnn;Paris", ["3:name/town", "5:Ann/Paris"]),
        ("\"A, B\";\"C, D, E\"\r\n\"F, G\";\"H, I, J\"\r\n", ["1:A, B/C, D, E", "2:F, G/H, I, J"]),
        ("name;\"a, b\"\nAnn;\"c, d\"\n", ["1:name/a, b", "2:Ann/c, d"]),
        ("a, b;c\nd, e;f\n", ["1:a, b/c", "2:d, e/f"]),
        ("a, b\nc, d\n", ["1:a/ b", "2:c/ d"]),
        ("a;b,c\td\ne;f,g\th\n", ["1:a;b,c/d", "2:e;f,g/h"]),
        ("household\nAnn; Bob\n", ["1:household", "2:Ann; Bob"]),
        ("Ann \"Ace\" Lee,a\nBob \"Bo\" Low,b\n", ["1:Ann \"Ace\" Lee/a", "2:Bob \"Bo\" Low/b"]),
        ("\"a\" ,b\nc,\"d\"\"e\"\n", ["1:a /b", "2:c/d\"e"]),
        (
            "a,b\nc,\"Road 1, Flat 2\nParis, France\"\n",
            ["1:a/b", "2:c/Road 1, Flat 2\nParis, France"],
        ),
    ] {
        assert_eq!(rows(text), found, "{text:?}");
    }
}

#[test]
fn every_form_of_a_line_that_names_the_separator_is_understood() {
    for line in [
        "sep=;",
        "sep=; ",
        "sep = ;",
        "\n\nsep=;",
        "\"sep=;\";",
        "sep=;;",
        "separator=;",
        "SEP=\";\"",
        "\u{FEFF}sep=;",
        " sep=;\r",
    ] {
        let table = Table::parse(&format!("{line}\na,b;c\nd,e;f\n")).unwrap();
        assert_eq!(table.heading.fields, ["a,b", "c"][..], "{line:?}");
        let lines = line.matches('\n').count() as u64 + 2;
        assert_eq!(table.heading.line, lines, "{line:?}");
    }
    for line in ["sep=\t", "sep=\\t", "sep=tab", "Separator = TAB"] {
        let table = Table::parse(&format!("{line}\na,b\tc\n")).unwrap();
        assert_eq!(table.heading.fields, ["a,b", "c"][..], "{line:?}");
    }
    assert_eq!(rows("sep=;\ra,b;c\rd,e;f\r"), ["2:a,b/c", "3:d,e/f"]);
    for line in ["sep=", "sep=;,", "sep=semicolon", "separator = ", "sep=a"] {
        let error = Table::parse(&format!("{line}\na,b;c\n")).err().unwrap();
        assert!(error.contains("names no separator"), "{line:?}: {error}");
    }
    let error = Table::parse("sep=,\na;b\nc;d\n").err().unwrap();
    assert!(error.contains("no row has, and the rows have \";\""), "{error}");
    assert_eq!(rows("separator;b\nc;d\n"), ["1:separator/b", "2:c/d"]);
}

#[test]
fn quotes_and_separators_that_may_mean_two_things_are_refused() {
    for (text, why) in [
        ("name\nAnn\n\"Bob\nCleo\nDan\n", "line 3: a quote opens there and is not closed"),
        ("name\rAnn\r\"Bob\rCleo\r", "line 3: a quote opens there and is not closed"),
        ("sep=,\r\na,b\r\n\"c,d\r\n", "line 3: a quote opens there and is not closed"),
        ("name\n\"Ace\" Ann\n", "line 2: a field has text after its closing quote"),
        ("a,b\nc, \"d, e\"\n", "line 2: a field has a blank before its quote"),
        (
            "name,note\nAnn,\"5 tall\nBob,x\nCleo,y\nDan,6\"\n",
            "line 2 has a field in quotes whose lines look like rows",
        ),
        ("a, b;c, EUR\nd, e;1,50\n", "both \",\" and \";\" divide all its rows alike"),
        ("a,b;c\nd,e;f\n", "both \",\" and \";\" divide all its rows alike"),
        ("a，b\nc，d\n", "its rows have \"，\" (U+FF0C) between the fields"),
        ("a；b\nc；d\n", "its rows have \"；\" (U+FF1B) between the fields"),
        ("Members 2026\na;b\nc;d\n", "line 2 has 2 fields and the heading 1, where \";\""),
    ] {
        let error = Table::parse(text).err().unwrap_or_else(|| panic!("{text:?}"));
        assert!(error.starts_with(why), "{text:?}: {error}");
    }
}

#[test]
fn a_column_is_found_by_its_name_as_people_write_it() {
    for name in
        ["voter_number", "voter number", "VoterNumber", "\u{200B}voter_number", "Voter-Number "]
    {
        let table = Table::parse(&format!("a,{name}\nb,1\n")).unwrap();
        assert_eq!(table.column("voter_number"), Ok(Some(1)), "{name:?}");
    }
    let table = Table::parse("voter_number,Voter Number\n1,2\n").unwrap();
    assert!(table.column("voter_number").unwrap_err().starts_with("two of its columns"));
}

#[test]
fn a_row_that_is_cut_otherwise_is_named() {
    for (text, why) in [
        ("name\nDoe, Ann\n", "line 2 has 2 fields and the heading 1, where \",\""),
        ("name;town\r\nAnn;Paris\r\nBob\r\n", "line 3 has 1 field and the heading 2, where \";\""),
        ("name\ttown\nAnn\t\tx\n", "line 2 has 3 fields and the heading 2, where a tab"),
        ("", "it is empty"),
        ("\u{FEFF}sep=;\n\n;;\n", "it is empty"),
    ] {
        let error = Table::parse(text).err().unwrap();
        assert!(error.starts_with(why), "{text:?}: {error}");
    }
}

#[test]
fn a_file_is_written_in_the_form_that_was_read() {
    for text in [
        "name,town\nAnn,Paris\n",
        "\u{FEFF}name;town\r\nAnn;\"a;b\"\r\n",
        "sep=;\nname;town\nAnn;Paris\n",
        "\u{FEFF}sep=;\r\nname;town\r\nAnn;Paris\r\n",
        "name\ttown\nAnn\tParis\n",
        "name;town\rAnn;Paris\r",
        "sep=;\rname;town\rAnn;Paris\r",
    ] {
        let table = Table::parse(text).unwrap();
        let mut writer = table.form.writer(Vec::new()).unwrap();
        writer.write_record(&table.heading.fields).unwrap();
        table.rows.iter().for_each(|row| writer.write_record(&row.fields).unwrap());
        assert_eq!(String::from_utf8(writer.into_inner().unwrap()).unwrap(), text);
    }
}

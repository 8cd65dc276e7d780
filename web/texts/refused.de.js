/** Why something is refused, in German: each is a part of a sentence. */

export const texts = {
  "refused.open.noElection":
    "in diesem Link zur Nummernvergabe steht nicht, für welche Wahl er ist: er \
braucht ?election=KENNUNG vor dem #",
  "refused.open.lostAnswer":
    "der Server sagt: {said}. Die Verbindung ging verloren, während diese Seite den Link öffnete. \
Wenn der Link einmal gilt, hat vielleicht diese Seite ihn verbraucht: bitten Sie, wer ihn Ihnen \
gegeben hat, ihn zu beenden und einen anderen zu erstellen",
  "refused.link.otherServer":
    "dieser Link ist für {host}, und diese Seite ist für {own}. Sein Geheimnis wurde nicht \
gesendet: öffnen Sie eine Seite von {host}",
  "refused.link.otherElection":
    "dieser Link ist für die Wahl {election}. Sein Geheimnis wurde nicht gesendet: öffnen Sie die \
Seite dieser Wahl",
  "refused.revoke.tooMany": {
    one: "höchstens {count} Nummer wird auf einmal gestrichen",
    other: "höchstens {count} Nummern werden auf einmal gestrichen",
  },
  "refused.links.opened":
    "jemand hat diesen Link geöffnet; „Link beenden, oder seine Nummern streichen“ beendet, was er \
geöffnet hat, samt den Nummern, die damit vergeben wurden",
  "refused.act.refused": "{said}; nichts wurde verändert",
  "refused.create.id":
    "die Kennung hat 1 bis 64 Buchstaben, Ziffern, „.“, „_“ und „-“, und beginnt mit \
einem Buchstaben oder einer Ziffer",
  "refused.create.idTaken": "die Adresse /{id} ist vergeben: wählen Sie eine andere Kennung",
  "refused.create.idOfTest": "nur ein Test hat eine solche Kennung: wählen Sie eine andere",
  "refused.create.blankName":
    "ein Name wie {name} ist von leeren Stimmzetteln nicht zu unterscheiden: \
wählen Sie einen anderen",
  "refused.create.closesFirst": "das Ende muss nach dem Beginn liegen",
  "refused.create.number": "hier steht eine ganze Zahl ab 1",
  "refused.create.share":
    "ein Anteil wird so geschrieben: >1/2 of marked, >=2/3 of ballots, >=1/4 of roll \
oder >=50; bei einem Bruch muss stehen, wovon",
  "refused.create.moment": "das ist kein Zeitpunkt",
  "refused.create.refused": "der Server hat sie nicht angelegt: {said}",
  "refused.roll.tooLarge": "die Liste hat mehr als {mib} MiB: nehmen Sie capvote-client issue",
  "refused.roll.tooMany": {
    one: "auf der Liste steht mehr als {count} Person: nehmen Sie capvote-client issue",
    other: "auf der Liste stehen mehr als {count} Personen: nehmen Sie capvote-client issue",
  },
  "refused.roll.spreadsheet":
    "das ist eine Tabelle und keine CSV-Datei: speichern Sie sie in Excel als \
„CSV UTF-8“ oder in LibreOffice als „Text CSV“",
  "refused.roll.encoding":
    "das ist kein Text in UTF-8: speichern Sie ihn in Excel als „CSV UTF-8“ oder in \
LibreOffice als „Text CSV“ mit dem Zeichensatz Unicode (UTF-8)",
  "refused.roll.other": "das ist keine CSV-Datei",
  "refused.roll.empty": "die Datei ist leer: in der ersten Zeile stehen die Namen der Spalten",
  "refused.roll.nobody": "unter der Überschrift stehen keine Zeilen",
  "refused.roll.length": {
    one: "Zeile {line} hat {has} Felder und die Überschrift {count}, getrennt durch {separator}",
    other:
      "Zeile {line} hat {has} Felder und die Überschrift {count}, getrennt durch {separator}; ein \
Feld \
mit diesem Zeichen braucht Anführungszeichen, und ein Titel über der Überschrift muss weg",
  },
  "refused.roll.noHeading":
    "in der ersten Zeile steht {value}, was nach einer Person aussieht: setzen Sie \
eine Zeile mit den Namen der Spalten darüber",
  "refused.roll.nameless":
    "in der ersten Zeile fehlt der Name der Spalte {column}, in der in Zeile {line} \
etwas steht: geben Sie ihr einen Namen, oder nehmen Sie die Zeile weg, wenn sie ein Titel ist",
  "refused.roll.twoColumns": "zwei Spalten heißen {name}",
  "refused.roll.number": "in Zeile {line} steht in der Spalte der Wählernummern etwas anderes",
  "refused.roll.sameNumber": "die Zeilen {first} und {second} haben dieselbe Wählernummer",
  "refused.roll.noNumbers": "in dieser Datei stehen keine Wählernummern",
  "refused.issue.refused": "es wurden keine Nummern vergeben: {said}",
  "refused.issue.none":
    "es wurden keine Nummern vergeben, und niemand kann mit denen einer gespeicherten \
Datei abstimmen: {said}",
  "refused.issue.late":
    "die {seconds} Sekunden sind vorbei, und es wurden keine Nummern vergeben. Löschen Sie die \
Datei, falls Sie sie gespeichert haben, und ziehen Sie die Nummern noch einmal",
  "refused.issue.dropped":
    "es wurden keine Nummern vergeben. Löschen Sie die Datei, falls Sie sie gespeichert haben",
  "refused.roll.otherElection":
    "der Link in Zeile {line} ist für die Wahl {other}, und das hier ist {id}: mit den Nummern \
einer anderen Wahl kann hier niemand abstimmen. Nehmen Sie die Spalten mit Nummern und Links weg, \
um diesen Personen neue zu geben",
  "refused.roll.moreThanRoll": {
    one: "in der Liste steht {count} Wählernummer, und im Verzeichnis von {id} stehen {voters}: \
mit der Nummer einer anderen Wahl, oder einer gestrichenen, kann hier niemand abstimmen. Leeren \
Sie ihr Feld",
    other:
      "in der Liste stehen {count} Wählernummern, und im Verzeichnis von {id} stehen {voters}: mit \
den Nummern einer anderen Wahl, oder mit gestrichenen, kann hier niemand abstimmen. Leeren Sie \
ihre Felder",
  },
  "refused.issue.changed":
    "jemand anders hat das Verzeichnis verändert: es hatte {before} Nummern, und hat {after}. Es \
wurden keine Nummern vergeben. Sehen Sie diese Seite noch einmal an, bevor Sie weitergehen",
  "refused.issue.elsewhere":
    "der Server hat die Nummern in ein Verzeichnis geschrieben, aber nicht in das von {id}: es \
hatte {before} Nummern, und hat {after}. Vielleicht ist Ihr Link für eine andere Wahl. Senden Sie \
keine Briefe, und fragen Sie, wer Ihnen den Link gegeben hat",
  "refused.issue.unknown":
    "es ist nicht bekannt, ob die Nummern im Verzeichnis stehen: es hatte vorher \
{before} Nummern, und hat jetzt {after}. Sehen Sie in einer Minute wieder nach. Hat es so viele \
mehr wie die \
Datei, stehen sie darin",
  "refused.rules.newer":
    "die Wahl wird nach Regeln einer neueren Version gezählt: laden Sie die Seite neu, \
oder nehmen Sie ein neueres Programm",
  "refused.rules.longSlate":
    "bei Rangwahl stehen höchstens {most} Namen zur Wahl; hier sind es {names}",
  "refused.rules.live":
    "nur nach der Mehrheit der Stimmen kann laufend gezählt werden: sonst sähe man vor \
der Schließung, wer wie gereiht hat",
  "refused.rules.none":
    "ein Name, der für niemanden steht, gehört zu den Rangwahlen; sonst erlauben Sie \
leere Stimmzettel",
  "refused.rules.onlyNone":
    "wenn der letzte Name für niemanden steht, braucht es mindestens 2 Namen",
  "refused.rules.majority":
    "eine Mehrheit gehört nicht zu den Rangwahlen: diese entscheiden selbst, wer \
genug hat",
  "refused.rules.seats": "es gibt mindestens 1 Sitz, und höchstens einen für jeden Namen: {most}",
  "refused.rules.marks":
    "ein Stimmzettel kennzeichnet mindestens 1 Namen, und höchstens alle: {most}",
  "refused.rules.quorum":
    "ein Quorum ist ein Anteil des Verzeichnisses oder eine Zahl von Stimmzetteln",
  "refused.rules.share": "{share} ist kein Anteil: er ist mehr als 0, und höchstens das Ganze",
  "refused.ballot.length":
    "ein Stimmzettel hat eine Zahl für jeden der {names} Namen; hier sind es {given}",
  "refused.ballot.zeros": "ein Stimmzettel aus Nullen kennzeichnet nichts",
  "refused.ballot.notOne": "ein Name wird mit 1 gekennzeichnet oder gar nicht",
  "refused.ballot.tooMany":
    "ein Stimmzettel kennzeichnet höchstens {most} Namen; hier sind es {given}",
  "refused.ballot.shared": "jeder Rang wird einmal vergeben; zwei Namen haben Rang {rank}",
  "refused.ballot.gap": "Ränge sind 1, 2, 3 und so weiter ohne Lücke; niemand hat Rang {rank}",
  "refused.ballots.tooMany": "höchstens {most} Stimmzettel können gezählt werden",
  "refused.slate.empty": "es muss mindestens ein Name zur Wahl stehen",
  "refused.slate.tooMany": "höchstens {most} Namen können zur Wahl stehen; hier sind es {names}",
  "refused.slate.emptyName": "Name {place} ist leer",
  "refused.slate.longName": "Name {place} hat mehr als {most} Bytes",
  "refused.slate.halfCharacter": "in Name {place} ist ein Zeichen kaputt",
  "refused.slate.duplicate": "die Namen {first} und {second} sind beide {name}",
  "refused.title.long": "ein Titel hat höchstens {most} Bytes",
  "refused.title.halfCharacter": "im Titel ist ein Zeichen kaputt",
  "refused.csv.longRecord": "eine Zeile ist länger, als eine Zeile sein kann",
  "refused.csv.openQuote":
    "ein Anführungszeichen wird geöffnet und nicht geschlossen: vielleicht ist die \
Datei abgeschnitten",
  "refused.sheet.mismatch": "der Beleg passt nicht zu Wahl, Stimmzettel und Zufallsbytes",
  "refused.sheet.order": "die Stimmzettel stehen nicht in der Reihenfolge der Belege",
  "refused.sheet.otherElection": "der Stimmzettel ist aus einer anderen Wahl",
  "refused.sheet.otherRestore": "über eine Wiederherstellung steht hier nicht, was in Listen steht",
  "refused.sheet.ballot": "{why}",
  "refused.sheet.headCheck": "die Prüfsumme passt nicht zu dem, was über den Stimmzetteln steht",
  "refused.sheet.otherNumber": "sie wurde mit {written} Stimmzetteln geschrieben und hat {found}",
  "refused.sheet.digest": "der SHA-256 darin ist nicht der des Dokuments",
  "refused.sheet.columns": "die Spalten sind nicht die einer Stimmzettelliste",
  "refused.sheet.fourColumns": "es sind nicht vier Spalten",
  "refused.sheet.id": "die Kennung der Wahl ist nicht gültig",
  "refused.sheet.nonceDigits": "die Zufallsbytes sind nicht hexadezimal",
  "refused.sheet.nonceLength": "es sind nicht 16 Zufallsbytes",
  "refused.sheet.ends": "sie endet vor ihren Stimmzetteln",
  "refused.sheet.head": "was über den Stimmzetteln von der Wahl steht, ist nicht gültig",
  "refused.sheet.noCount": "über den Stimmzetteln steht nicht, wie viele es sind",
  "refused.sheet.definition": "eine solche Wahl kann es nicht geben: {why}",
  "refused.sheet.columnCount":
    "es sind nicht so viele Spalten wie in der Überschrift: vielleicht ist die \
Zeile abgeschnitten",
  "refused.sheet.markNumber": "ein Kennzeichen ist keine Zahl",
  "refused.sheet.json": "sie ist nicht ganz, oder kein JSON",
  "refused.sheet.document": "{key} fehlt, oder ist nicht, was in einer Liste steht",
  "refused.sheet.format": "sie hat das Format {format}: nehmen Sie eine neuere Seite",
  "refused.sheet.rules": "die Regeln sind nicht gültig",
  "refused.sheet.ledger": "die Kennung des Journals ist nicht gültig",
  "refused.sheet.otherBallot": "der Stimmzettel gehört zu einer anderen Art von Liste",
  "refused.sheet.noBallot": "darin steht kein Stimmzettel",
  "refused.sheet.form": "sie ist nicht genau so geschrieben wie eine Liste",
  "refused.sheet.rewritten":
    "jeder Stimmzettel passt zu seinem Beleg, aber ein Programm hat die Datei noch \
einmal gespeichert, mit: {found}",
  "refused.sheet.empty": "sie ist leer",
  "refused.sheet.encoding": "sie ist kein Text in UTF-8",
  "refused.sheet.tooLarge": "sie hat mehr als {mib} MiB: zählen Sie sie mit capvote-client recount",
  "refused.sheet.receiptFile": "sie ist eine Belegdatei",
  "refused.sheet.tooManyBallots": {
    one: "sie hat mehr als {count} Stimmzettel: holen Sie sie mit capvote-client sheet",
    other: "sie hat mehr als {count} Stimmzettel: holen Sie sie mit capvote-client sheet",
  },
  "refused.sheet.otherFromServer": "der Server sendet eine andere Liste als die dieser Wahl",
  "refused.sheet.notYet": "eine Liste gibt es erst, wenn die Wahl geschlossen ist",
  "refused.sheet.repeated":
    "{repeated} ihrer Stimmzettel teilen ihren Beleg mit einem anderen: Stimmzettel \
wurden hinzugefügt, oder Programme zogen dieselben Zufallsbytes",
  "refused.sheet.moreThanVoters":
    "sie hat {ballots} Stimmzettel, und das Verzeichnis {voters} Nummern",
  "refused.sheet.noCandidate":
    "ein Stimmzettel ist für {name}, und dieser Name steht nicht zur Wahl",
  "sheet.found.byteOrderMark": "einer Bytereihenfolge-Marke",
  "sheet.found.lineEnds": "Zeilenenden eines anderen Systems",
  "sheet.found.emptyLine": "einer leeren Zeile",
  "sheet.found.lastLine": "einer letzten Zeile ohne Ende",
  "sheet.found.separators": "anderen Trennzeichen",
  "sheet.found.columns": "anderen Spalten",
  "sheet.found.order": "anderer Reihenfolge der Stimmzettel",
  "sheet.found.quotes": "anderen Trennzeichen, Anführungszeichen oder Leerzeichen",
};

/** The texts of the voter’s page, and what all pages share, in German. */

export const texts = {
  language: "Sprache",
  connecting: "Verbindung zum Server wird aufgebaut …",
  connectionLost: "Die Verbindung ist unterbrochen. Neuer Versuch …",
  connectionBack: "Die Verbindung ist wieder da.",
  "trouble.title": "Etwas ist schiefgegangen",
  "trouble.text": "Laden Sie diese Seite neu. Bekannt ist: {why}",
  serverSays: "Die Worte des Servers (auf Englisch)",
  or: "oder",
  allElections: "Alle Wahlen auf diesem Server",

  "list.vote": "Abstimmen",
  "list.watch": "Beteiligung und Ergebnis",
  "when.opens": "Die Abstimmung beginnt am {moment} ({away}).",
  "when.opensByHand": "Die Abstimmung beginnt, wenn die Wahlleitung sie öffnet.",
  "when.closes": "Die Abstimmung endet am {moment} ({away}).",
  "when.closesByHand": "Die Abstimmung endet, wenn die Wahlleitung sie schließt.",
  "when.closed": "Die Abstimmung ist beendet.",

  "missing.title": "Diese Wahl gibt es nicht",
  "missing.text": "Auf diesem Server gibt es keine Wahl mit der Kennung {id}. Prüfen Sie den Link.",
  "left.text": "In diesem Tab liegt eine Stimme in der Wahl {id}, mit ihrer Nummer. Ob sie \
gespeichert ist, ist nicht bekannt. Auf diesem Server gibt es keine solche Wahl. Wenn sich das \
ändert, laden Sie diese Seite neu.",
  "left.forget": "Diese Stimme vergessen",
  "newer.title": "Diese Seite ist zu alt",
  "newer.text": "Ein Stimmzettel dieser Wahl kann etwas sagen, das diese Seite nicht kennt. Laden \
Sie die Seite neu, oder nehmen Sie das Programm capvote-client.",
  "draft.title": "Die Abstimmung hat noch nicht begonnen",
  "draft.text": "Bewahren Sie Ihre Wählernummer bis dahin auf.",
  "draft.looking": "Diese Seite sieht von selbst wieder nach.",
  "closed.title": "Die Abstimmung ist beendet",
  "closed.text": "Diese Wahl nimmt keine Stimmen mehr an. Eine Stimme, die vorher gespeichert \
wurde, gilt.",
  "closed.result": "Zum Ergebnis",

  "paper.title": "Ihr Stimmzettel",
  "paper.questions": {
    one: "Der Stimmzettel hat {count} Frage. Mit Ihrer Nummer stimmen Sie dazu einmal ab.",
    other: "Der Stimmzettel hat {count} Fragen. Mit Ihrer Nummer stimmen Sie zu jeder einmal ab.",
  },
  "paper.seats": { one: "Gewählt wird eine Person.", other: "Gewählt werden {count}." },
  "paper.names": { one: "Ein Name steht zur Wahl.", other: "{count} Namen stehen zur Wahl." },

  "number.label": "Ihre Wählernummer",
  "number.hint": "20 Ziffern, wie 1234-5678-9012-3456-7890. Mit oder ohne Trennzeichen.",
  "number.soFar": { one: "{count} von 20 Ziffern", other: "{count} von 20 Ziffern" },
  "number.next": "Weiter zum Stimmzettel",
  "number.back": "Zurück zu Ihrer Stimme",
  "number.none": "Geben Sie Ihre Wählernummer ein. Sie steht in dem Brief oder der Nachricht, mit \
der Sie zur Wahl eingeladen wurden.",
  "number.others": "Eine Wählernummer hat nur Ziffern. Hier steht noch etwas anderes. Prüfen Sie \
die Eingabe.",
  "number.length": "Eine Wählernummer hat 20 Ziffern. Eingegeben sind {count}.",
  "number.tooLarge": "Das ist keine Wählernummer: Über 1844-6744-0737-0955-1615 gibt es keine. \
Prüfen Sie die Ziffern.",
  "number.unknown": "Die Nummer, die auf {end} endet, steht nicht im Verzeichnis dieser Wahl. \
Prüfen Sie jede Ziffer. Vielleicht ist sie für eine andere Wahl.",
  "number.ending": "Sie stimmen mit der Nummer ab, die auf {end} endet.",
  "number.change": "Andere Nummer nehmen",
  "number.gone": "Die Seite wurde neu geladen, und sie behält keine Nummer. Öffnen Sie Ihren Link \
noch einmal, oder geben Sie die Nummer ein.",
  "number.waits": "Hier wurde eine andere Nummer geöffnet. Mit ihr kann abgestimmt werden, wenn \
feststeht, was aus dieser Stimme geworden ist.",
  "number.badLink": "Im Link steht hinter # keine ganze Wählernummer. Geben Sie die Nummer hier \
ein.",
  "number.private": "Zeigen Sie die Nummer niemandem: Wer sie kennt, kann an Ihrer Stelle \
abstimmen.",

  yourChoice: "Ihre Wahl",
  "ask.one": "Kreuzen Sie einen Namen an.",
  "ask.votes": {
    one: "Kreuzen Sie höchstens {count} Namen an.",
    other: "Kreuzen Sie höchstens {count} Namen an.",
  },
  "ask.votesAll": "Kreuzen Sie beliebig viele Namen an.",
  "ask.ranks": {
    one: "Wählen Sie höchstens {count} Namen.",
    other: "Wählen Sie bis zu {count} Namen, in der Reihenfolge, in der Sie sie vorziehen.",
  },
  "ask.ranksAll": "Wählen Sie Namen in der Reihenfolge, in der Sie sie vorziehen. Sie müssen nicht \
alle wählen.",
  "ask.sharedRanks": {
    one: "Wählen Sie höchstens {count} Namen.",
    other: "Wählen Sie bis zu {count} Namen, in der Reihenfolge, in der Sie sie vorziehen. Namen \
dürfen sich einen Rang teilen.",
  },
  "ask.sharedRanksAll": "Wählen Sie Namen in der Reihenfolge, in der Sie sie vorziehen. Namen \
dürfen sich einen Rang teilen. Sie müssen nicht alle wählen.",
  "ask.none": "{name} steht für niemanden: Wen Sie dahinter setzen, den möchten Sie eher nicht \
gewählt sehen.",
  blank: "Ein leerer Stimmzettel: Ich stimme ab, und für keinen dieser Namen",
  leaveOut: "Sie können diese Frage auslassen.",
  clear: "Diese Antwort löschen",
  find: "Einen Namen finden",
  found: { one: "{count} von {all} Namen", other: "{count} von {all} Namen" },
  marksLeft: {
    one: "Sie können noch {count} Namen ankreuzen, höchstens {all}.",
    other: "Sie können noch {count} Namen ankreuzen, höchstens {all}.",
  },
  marksFull: "Sie haben {all} Namen angekreuzt, und mehr dürfen es nicht sein.",
  tooManyBy: {
    one: "{count} Name zu viel: Höchstens {all} sind erlaubt.",
    other: "{count} Namen zu viel: Höchstens {all} sind erlaubt.",
  },

  "order.yours": "Ihre Reihenfolge",
  "order.empty": "Noch niemand. Wählen Sie unten zuerst, wen Sie am liebsten hätten, dann weiter.",
  "order.rest": "Ohne Rang",
  "order.up": "{name} nach oben",
  "order.down": "{name} nach unten",
  "order.share": "{name} hat denselben Rang wie {above}",
  "order.remove": "{name} aus der Reihenfolge nehmen",
  "order.in": "{name} hat Rang {rank}.",
  "order.out": "{name} hat keinen Rang.",
  "ballot.orderFull": {
    one: "{count} Name hat einen Rang, und mehr dürfen es nicht sein. Für einen anderen nehmen Sie \
ihn heraus.",
    other: "{count} Namen haben Ränge, und mehr dürfen es nicht sein. Für einen anderen nehmen Sie \
einen heraus.",
  },

  review: "Stimme prüfen",
  "problem.title": "Hier stimmt etwas nicht",
  "problem.in": "{title}: {problem}",
  "problem.paper": "Beantworten Sie mindestens eine Frage.",
  "ballot.nothing": "Wählen Sie mindestens einen Namen.",
  "ballot.nothingOrBlank": "Wählen Sie mindestens einen Namen, oder einen leeren Stimmzettel.",
  "ballot.noBlank": "Diese Wahl nimmt keine leeren Stimmzettel an: Wählen Sie mindestens einen \
Namen.",
  "ballot.length": "Die Namen haben sich geändert: Laden Sie die Seite neu.",
  "ballot.zeros": "Wählen Sie mindestens einen Namen.",
  "ballot.tooMany": {
    one: "Höchstens {count} Name darf angekreuzt sein; Sie haben {given} angekreuzt.",
    other: "Höchstens {count} Namen dürfen angekreuzt sein; Sie haben {given} angekreuzt.",
  },
  "ballot.notOne": "Ein Name wird einmal angekreuzt, oder gar nicht.",
  "ballot.shared": "Zwei Namen haben Rang {rank}; jeder Rang wird einmal vergeben.",
  "ballot.gap": "Niemand hat Rang {rank}, aber jemand hat einen Rang dahinter.",

  "review.title": "Prüfen Sie Ihre Stimme",
  "review.notYet": "Noch ist nichts abgegeben.",
  "review.final": "Eine abgegebene Stimme kann niemand ändern oder zurücknehmen.",
  "review.blank": "Ein leerer Stimmzettel",
  "review.left": "Hier ausgelassen. Wurde mit dieser Nummer schon abgestimmt, gilt jene Stimme.",
  "review.rank": "{rank}.",
  "review.others": {
    one: "{count} Name hat keinen Rang.",
    other: "{count} Namen haben keinen Rang.",
  },
  "review.change": "Ändern",
  "review.changeOf": "Ändern: {title}",
  "review.castAll": {
    one: "Diese Stimme abgeben",
    other: "Diese {count} Stimmen abgeben",
  },

  "sending.title": "Ihre Stimme ist unterwegs",
  "sending.text": "Bitte warten Sie, bis feststeht, was aus ihr geworden ist.",
  "sending.sending": "Gesendet. Warten auf den Server …",
  "sending.waiting": "Kommt danach.",
  "sending.busy": "Der Server ist beschäftigt oder startet neu. Noch ist nichts gespeichert. Neuer \
Versuch …",
  "sending.solving": "Aus Ihrem Netz kamen zu viele falsche Nummern. Dieses Gerät löst eine \
Aufgabe, damit Ihre Stimme durchkommt. Das dauert einige Sekunden.",
  "sending.throttled": "Aus Ihrem Netz kamen zu viele falsche Nummern. Nach einer kurzen Pause \
folgt ein neuer Versuch …",
  "sending.unknown": "Neuer Versuch …",
  "sending.unreachable": "Neuer Versuch …",
  "unreachable.title": "Der Server ist nicht zu erreichen",
  "unreachable.text": "Ihre Stimme wurde noch nicht gesendet. Sie müssen nichts tun: Diese Seite \
macht von selbst weiter. Lassen Sie sie offen.",
  "sending.unconfirmed": "Warten auf die Wahlleitung …",
  "sending.unkept": "Dieser Browser speichert nichts. Laden Sie die Seite nicht neu, bevor \
feststeht, was aus Ihrer Stimme geworden ist.",
  "unconfirmed.title": "Die Wahl ist noch nicht bestätigt",
  "unconfirmed.text": "Der Server wurde aus einer Sicherung wiederhergestellt und nimmt keine \
Stimmen an, bis die Wahlleitung das bestätigt. Ihre Stimme ist noch nicht gespeichert. Diese Seite \
macht von selbst weiter: Lassen Sie sie offen.",
  "unknown.title": "Noch nicht bekannt",
  "unknown.text": "Die Antwort ist nicht angekommen. Ob Ihre Stimme gespeichert ist, ist deshalb \
noch nicht bekannt. Sie müssen nichts tun: Diese Seite macht von selbst weiter und sendet dieselbe \
Stimme noch einmal. Sie zählt nie doppelt. Lassen Sie die Seite offen.",
  "unknown.why": "Der letzte Versuch: {why}",
  "unknown.cannotWait": "Wenn Sie nicht warten können",
  "unknown.save": "Speichern Sie diese Datei: Damit kann das Programm capvote-client dieselbe \
Stimme noch einmal senden, von jedem Rechner.",
  "unknown.stop": "Nicht weiter versuchen",

  "done.recorded": {
    one: "Ihre Stimme ist gespeichert",
    other: "Ihre {count} Stimmen sind gespeichert",
  },
  "done.some": {
    one: "{count} von {all} Stimmen ist gespeichert",
    other: "{count} von {all} Stimmen sind gespeichert",
  },
  "done.refused": { one: "Ihre Stimme zählt nicht", other: "Keine der Stimmen zählt" },
  "done.twice": {
    one: "Mit dieser Nummer wurde schon abgestimmt; jene Stimme zählt",
    other: "Mit dieser Nummer wurde schon abgestimmt; jene Stimmen zählen",
  },
  "done.flawed": "Der Beleg stimmt nicht",
  "done.stopped": "Ob Ihre Stimme gespeichert ist, ist nicht bekannt",
  "outcome.recorded": "Gespeichert. Sie ist sicher abgelegt und zählt einmal.",
  "outcome.alreadyVoted": "Mit dieser Nummer wurde hier schon abgestimmt. Jene Stimme zählt, und \
diese nicht. Waren Sie das nicht? Dann sagen Sie es der Wahlleitung.",
  "outcome.unknownVoterNumber": "Nicht gezählt: Diese Nummer steht nicht im Verzeichnis. Sie kann \
vertippt sein, oder für eine andere Wahl.",
  "outcome.unknownCandidate": "Nicht gezählt: Der Name steht nicht auf dem Stimmzettel. Nichts \
wurde gespeichert. Füllen Sie ihn noch einmal aus.",
  "outcome.invalidBallot": "Nicht gezählt: Der Stimmzettel verstößt gegen eine Regel. Nichts wurde \
gespeichert. Füllen Sie ihn noch einmal aus.",
  "outcome.notOpen": "Nicht gezählt: Die Abstimmung hat noch nicht begonnen. Nichts wurde \
gespeichert.",
  "outcome.closed": "Nicht gezählt: Die Wahl wurde geschlossen, bevor diese Stimme kam. Eine \
Stimme, die vorher gespeichert wurde, gilt.",
  "outcome.newer": "Nicht gezählt, aus einem Grund, den diese Seite nicht kennt.",
  "outcome.notSent": "Nicht gesendet.",
  "outcome.notConfirmed": "Nicht gespeichert: Die Wahlleitung hat die Wahl noch nicht bestätigt.",
  "outcome.stopped": "Sie haben aufgehört, bevor die Antwort kam. Die Stimme kann gespeichert \
sein. Wenn Sie mit derselben Nummer noch einmal abstimmen, erfahren Sie, ob schon eine gilt.",
  "receipt.title": "Beleg",
  "receipt.what": "Belege stehen nur auf dieser Seite: Speichern Sie sie, bevor Sie gehen. Mit \
einer Belegdatei finden Sie Ihren Stimmzettel nach der Schließung in der Liste aller Stimmzettel, \
und können dieselbe Stimme noch einmal senden, falls der Server sie verliert. In ihr steht, wen \
Sie gewählt haben: Behalten Sie sie für sich.",
  "receipt.save": "Belegdatei speichern",
  "receipt.saveOf": "Belegdatei speichern: {title}",
  "receipt.right": "Diese Seite hat den Beleg selbst nachgerechnet: Er ist der Ihrer Stimme.",
  "receipt.wrong": "Etwas stimmt nicht: Der Beleg gehört nicht zu der Stimme, die diese Seite \
gesendet hat. Er müsste {expected} heißen. Vielleicht hat der Server eine andere Stimme \
gespeichert. Schreiben Sie beide Belege auf, und sagen Sie es der Wahlleitung.",
  "done.correct": "Nummer berichtigen",
  "done.again": "Stimmzettel noch einmal ausfüllen",
  "done.other": "Mit der anderen Nummer abstimmen",
  "done.finish": "Fertig, diese Seite leeren",
  "done.finishHint": "Auf einem gemeinsamen Gerät, damit die nächste Person Ihren Beleg nicht \
sieht.",
  "done.before": "Aus diesem Tab wurde um {time} eine Stimme gespeichert. Sie müssen nichts mehr \
tun. Ihr Beleg stand nur auf jener Seite.",
};

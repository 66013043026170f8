import pytest

from marginface.audit import near_names, shared_names


def shared(ours: str, theirs: str) -> bool:
    return shared_names([[ours]], [theirs]) == [0]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Aaron_Eckhart", "aaron eckhart"),
        ("Aaron_Eckhart", "Eckhart, Aaron"),
        ("jose garcia", "José_García"),
        ("jose garcia", "Jose\u0301 Garci\u0301a"),  # accents as letters of their own
        ("Li Wei", "LI-WEI"),
        ("George W. Bush", "George_W_Bush"),
        ("Shaquille_ONeal", "Shaquille O\u2019Neal"),
        ("Renee_Zellweger", "Renée  Zellweger "),
        ("Soren_Kierkegaard", "Søren Kierkegaard"),
        ("Lech_Walesa", "Lech Wałęsa"),
        ("Strasse", "STRAßE"),
        ("Ｊohn Smith", "John Smith"),  # a full-width letter
        ("14th_Dalai_Lama", "14th Dalai Lama"),
        ("Сергей_Иванов", "сергей иванов"),
        ("İlhan_Mansiz", "ilhan mansız"),
    ],
)
def test_spelling_does_not_hide_a_person(ours: str, theirs: str) -> None:
    assert shared(ours, theirs)
    assert shared(theirs, ours)
    assert near_names([[ours]], [theirs]) == []  # the same already


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Garcia", "Jose Garcia"),
        ("Jose", "___"),
        ("__", "--"),
        ("Bush, George, Jr", "George Bush"),
        ("Li Wei", "Wei Li"),
    ],
)
def test_other_names_are_other_people(ours: str, theirs: str) -> None:
    assert not shared(ours, theirs)


@pytest.mark.parametrize(
    ("ours", "theirs", "how"),
    [
        ("Wei_Li", "Li Wei", "the order of words"),
        ("J.K._Rowling", "JK Rowling", "where words are parted"),
        ("Ban Kimoon", "Ban_Ki-moon", "where words are parted"),
        ("Michael_Jordan_(footballer)", "Michael Jordan", "what stands in brackets"),
        ("George_HW_Bush", "George_W_Bush", "middle names"),
        ("Sammy Davis Jr.", "Sammy Davis", "middle names"),
        ("Arnold_Schwarzeneger", "Arnold Schwarzenegger", "one letter"),
        ("Mohammed Fayed", "Mohammad Fayed", "one letter"),
        ("Micheal Jackson", "Michael Jackson", "one letter"),
    ],
)
def test_names_that_are_alike_are_to_be_looked_at(ours: str, theirs: str, how: str) -> None:
    for a, b in ((ours, theirs), (theirs, ours)):
        assert not shared(a, b)
        (found,) = near_names([["Nobody At All"], [a]], ["Someone Else", b])
        assert (found.label, found.name, found.listed, found.how) == (1, a, b, how)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Ann Bell", "Amy Bell"),
        ("Jon Li", "Jan Li"),
        ("Bush", "Rush"),
        ("Aaron Eckhart", "Aaron Peckhart Smith"),
        ("", "a"),
    ],
)
def test_names_that_differ_in_more_are_not_alike(ours: str, theirs: str) -> None:
    assert near_names([[ours]], [theirs]) == []


def test_any_name_of_a_class_counts() -> None:
    classes = [["Ann Other"], ["Иосиф Кобзон", "Joseph Kobzon"], ["Cyd", "Jozef Kobzon"]]
    assert shared_names(classes, ["joseph_kobzon"]) == [1]
    assert [(each.label, each.name) for each in near_names(classes, ["jozeff_kobzon", "Joseph Kobzon"])] == [
        (2, "Jozef Kobzon")
    ]

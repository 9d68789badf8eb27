"""One-time codes: which moment a code is of."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from perfeval.approvals.codes import code_step, new_secret, secret_link

MOMENT = datetime(2023, 4, 3, 8, 30, tzinfo=UTC)


def test_code_is_of_its_time_step_and_of_the_ones_beside_it() -> None:
    secret = new_secret()
    phone = pyotp.TOTP(secret)
    step = int(MOMENT.timestamp()) // 30
    codes = [phone.at(MOMENT + timedelta(seconds=seconds)) for seconds in (-60, -30, 0, 30, 60)]
    assert [code_step(secret, code, MOMENT) for code in codes] == [None, step - 1, step, step + 1, None]
    parsed = pyotp.parse_uri(secret_link(secret, "甲", "样例中心"))
    assert (parsed.name, parsed.issuer) == ("甲", "perfeval 样例中心")


def test_code_in_full_width_digits_is_the_same_code() -> None:
    secret = pyotp.random_base32()
    wide = pyotp.TOTP(secret).at(MOMENT).translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    assert code_step(secret, f" {wide[:3]}　{wide[3:]} ", MOMENT) == int(MOMENT.timestamp()) // 30


@pytest.mark.parametrize("code", ["", "１２３４５６", "abcdef", "12345", "\ud800"])
def test_code_of_another_form_is_none(code: str) -> None:
    assert code_step(pyotp.random_base32(), code, MOMENT) is None

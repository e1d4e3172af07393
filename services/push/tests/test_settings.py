from typing import Any

import pytest
from pydantic import ValidationError

from push.notifier import Environment
from push.settings import Settings

NEEDED: dict[str, Any] = {"database_url": "postgresql+asyncpg://", "jwt_key": "k" * 32}
APNS: dict[str, Any] = {
    "apns_host": "api.push.apple.com",
    "apns_key_file": "key.p8",
    "apns_key_id": "K",
    "apns_team_id": "T",
}


@pytest.mark.parametrize("missing", APNS)
def test_half_an_apns_configuration_is_refused_by_the_name_of_what_lacks(missing: str) -> None:
    given = {name: value for name, value in APNS.items() if name != missing}
    with pytest.raises(ValidationError) as refused:
        Settings(**NEEDED, **given)
    assert f"WAGGLE_{missing.upper()}" in str(refused.value)
    assert NEEDED["jwt_key"] not in str(refused.value)


def test_each_environment_of_apple_has_its_host_or_none() -> None:
    assert Settings(**NEEDED).apns_hosts == {}
    assert Settings(**NEEDED, **APNS).apns_hosts == {Environment.production: "api.push.apple.com"}
    both = Settings(**NEEDED, **APNS, apns_sandbox_host="api.sandbox.push.apple.com")
    assert both.apns_hosts[Environment.sandbox] == "api.sandbox.push.apple.com"


FCM: dict[str, Any] = {"fcm_project_id": "waggle", "fcm_service_account_file": "account.json"}


@pytest.mark.parametrize("missing", FCM)
def test_half_an_fcm_configuration_is_refused_by_the_name_of_what_lacks(missing: str) -> None:
    given = {name: value for name, value in FCM.items() if name != missing}
    with pytest.raises(ValidationError, match=f"WAGGLE_{missing.upper()}"):
        Settings(**NEEDED, **given)


@pytest.mark.parametrize(
    "wrong",
    [{"fcm_url": "http://fcm.example"}, {"fcm_token_url": "http://a/token"}, {"fcm_project_id": "a/b"}],
)
def test_an_access_token_is_never_sent_in_the_clear_nor_to_another_path(wrong: dict[str, str]) -> None:
    assert Settings(**NEEDED, **FCM).fcm_url == "https://fcm.googleapis.com"
    with pytest.raises(ValidationError):
        Settings(**NEEDED, **(FCM | wrong))

import pytest
from tests.hertzbeat_cluster import samples
from tests.hertzbeat_cluster.rig import KEY, encrypt

from openai_monitor.hertzbeat.cipher import DEFAULT_KEY, decrypt
from openai_monitor.hertzbeat.errors import JobError


@samples.recorded
@pytest.mark.parametrize("form", ["cipher", "cipher_main_2026_08"])
def test_the_recorded_passwords_open(form: str) -> None:
    vector = samples.sample(0)["aes"]
    assert decrypt(vector[form], vector["key"]) == vector["plain"]


@samples.recorded
@pytest.mark.parametrize(("job", "key"), [(6, 2), (7, 2), (8, 2), (26, 25), (27, 25)])
def test_the_passwords_of_recorded_jobs_open_with_the_recorded_keys(job: int, key: int) -> None:
    [value] = [entry["value"] for entry in samples.job(job)["configmap"] if entry["type"] == 2]
    assert decrypt(value, samples.key(key)) == "s3cret-pw"


@pytest.mark.parametrize("text", ["", "x", "sixteen letters!", "ключ 鍵 🔑", "a" * 1000])
@pytest.mark.parametrize("vector", [None, bytes(range(16))])
def test_any_password_opens(text: str, vector: bytes | None) -> None:
    assert decrypt(encrypt(text, KEY, vector), KEY) == text


@pytest.mark.parametrize("key", [KEY, None, "short", "ключ" * 4, "\ud800" * 16])
def test_the_built_in_key_is_the_second_try(key: str | None) -> None:
    assert decrypt(encrypt("secret", DEFAULT_KEY), key) == "secret"


@pytest.mark.parametrize("value", ["plain password", "sess-fake", "YWJj", "QUFBQUFBQUFBQUFBQUFBQ=", "ключ"])
def test_what_can_be_no_ciphertext_is_taken_as_it_is(value: str) -> None:
    assert decrypt(value, KEY) == value


@pytest.mark.parametrize("vector", [None, bytes(16)])
def test_a_ciphertext_of_another_key_is_refused_rather_than_sent(vector: bytes | None) -> None:
    value = encrypt("s3cret-pw-of-somebody", "0123456789abcdef", vector)
    with pytest.raises(JobError, match="does not open with the key of this manager") as caught:
        decrypt(value, KEY)
    assert value not in str(caught.value)

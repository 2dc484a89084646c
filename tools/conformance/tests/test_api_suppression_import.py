"""Files of suppressions through the official SDKs and by hand, and their progress."""

import pytest
import requests

from rig import canary, clients, parcel
from rig.clients import House

TAKEN = "file uploaded successfully for processing. standby..."
DATE = "Mon, 2 Jan 2023 03:04:05 GMT"


@pytest.fixture
def house(platform):
    account = platform.account()
    domain = platform.domain(account)
    return House(platform, domain, None)


def addresses(count: int) -> list[str]:
    return sorted(f"{canary.word()}+x@rcpt.test" for _ in range(count))


def files(one: str, two: str) -> dict[str, str]:
    return {
        "bounces": f'address,code,error,created_at\r\n{one},552,"full, or so","{DATE}"\r\n{two},,,\r\n',
        "unsubscribes": f'tags,Address\n"news,offers",{one}\n,{two}\n',
        "complaints": f"\ufeffaddress,created_at,name\n{one},1672531200,x\n{two},,\n",
        "whitelists": f"address,domain\n{one},\n,{two.split('+')[0]}.test\n",
    }


def call(house: House, method: str, path: str, **more) -> requests.Response:
    url = f"{house.platform.url}/v3/{house.domain.name}/{path}"
    return requests.request(method, url, auth=("api", house.domain.account.key), timeout=30, **more)


def finished(house: House, path: str) -> dict:
    while True:
        told = call(house, "GET", path).json()
        if told["state"] not in ("queued", "running"):
            return told


def are_listed(house: House, one: str, two: str) -> None:
    bounces = call(house, "GET", "bounces").json()["items"]
    assert [(item["address"], item["code"], item["error"]) for item in bounces] == [
        (one, "552", "full, or so"),
        (two, "550", ""),
    ]
    unsubscribes = call(house, "GET", "unsubscribes").json()["items"]
    assert [(item["address"], item["tags"]) for item in unsubscribes] == [(one, ["news", "offers"]), (two, ["*"])]
    complaints = call(house, "GET", "complaints").json()["items"]
    assert [item["address"] for item in complaints] == [one, two]
    assert complaints[0]["created_at"] == "Sun, 01 Jan 2023 00:00:00 UTC"
    allowed = call(house, "GET", "whitelists").json()["items"]
    assert sorted(item["type"] for item in allowed) == ["address", "domain"]


@pytest.mark.parametrize("fetch", [False, True])
def test_mailgun_js_imports_files(house, fetch):
    one, two = addresses(2)
    p = parcel.make(parcel.KINDS[0], house.domain.name)
    told = clients.node_script(house, "mailgun_js_import.mjs", p, fetch=fetch, files=files(one, two))
    assert len(told) == 4
    for kind, import_ in told.items():
        assert import_["message"] == TAKEN, kind
        progress = import_["progress"]
        assert (progress["state"], progress["added"], progress["refused"]) == ("done", 2, 0), progress
    are_listed(house, one, two)


def test_the_python_sdk_imports_files(house):
    from mailgun.client import Client

    client = Client(auth=("api", house.domain.account.key), api_url=house.platform.url)
    one, two = addresses(2)
    for kind, content in files(one, two).items():
        # As its examples do: the field is named after the file.
        upload = {f"{kind}_csv": content.encode()}
        endpoint = getattr(client, f"{kind}_import")
        taken = endpoint.create(domain=house.domain.name, files=upload)
        assert taken.status_code == 202 and taken.json()["message"] == TAKEN, taken.text
        told = finished(house, f"{kind}/import/{taken.json()['id']}")
        assert (told["state"], told["rows"], told["added"]) == ("done", 2, 2), told
    are_listed(house, one, two)


def test_wrong_rows_are_told_by_line_and_wrong_files_are_refused(house):
    one, two = addresses(2)
    content = f'address\n{one}\n{two.replace("@", "#")}\n"unclosed\n{two}\n'
    taken = call(house, "POST", "complaints/import", files={"any": ("c.csv", content.encode(), "text/csv")})
    assert taken.status_code == 202, taken.text
    url = taken.json()["url"]
    assert url == f"{house.platform.url}/v3/{house.domain.name}/complaints/import/{taken.json()['id']}"
    told = finished(house, f"complaints/import/{taken.json()['id']}")
    assert (told["state"], told["added"], told["refused"]) == ("done", 2, 2)
    assert [problem["line"] for problem in told["problems"]] == [3, 4]
    assert two.split("@")[0] not in str(told), "nothing of a row is told"
    newest = call(house, "GET", "complaints/import").json()["items"]
    assert [import_["id"] for import_ in newest] == [told["id"]]
    refused = call(house, "POST", "complaints/import", files={"file": ("c.csv", f"{one}\n".encode())})
    assert (refused.status_code, refused.json()["message"]) == (400, "while reading csv header")
    assert call(house, "POST", "complaints/import", data={}).status_code == 400
    large = b"address\n" + b"x" * (25 * 1024 * 1024)
    refused = call(house, "POST", "complaints/import", files={"file": ("c.csv", large)})
    assert refused.status_code == 413 and "25.0MiB" in refused.json()["message"], refused.text

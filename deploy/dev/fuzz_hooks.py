"""Signs schemathesis in, and in again when a generated request has ended its own session."""

import os
import subprocess

import requests
import schemathesis

ADDRESS = os.environ["FUZZ_ADDRESS"]
SIGN_IN = {"email": os.environ["FUZZ_EMAIL"], "password": os.environ["FUZZ_PASSWORD"]}


def unlock():
    """Forgives the account the wrong passwords that were generated, which would lock it as they should."""
    forgive = "UPDATE users SET failed_sign_ins = 0, locked_until = NULL"
    database = os.environ["TASKMED_DATABASE_MAINTENANCE_URL"]
    subprocess.run(["psql", "-X", "-q", "-d", database, "-c", forgive], check=True)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Leaves out the wish for some fields: the document describes whole rows, and cut ones lack what it demands."""
    if case.query and "fields" in case.query:
        case.query = {name: value for name, value in case.query.items() if name != "fields"}


# Access tokens live for 15 minutes; operations such as signing out end them earlier.
@schemathesis.auth(refresh_interval=600, retry_on=[401])
class SignedIn:
    def get(self, case, context):
        unlock()
        answer = requests.post(f"{ADDRESS}/v1/auth/login", json=SIGN_IN, timeout=30)
        answer.raise_for_status()
        return answer.json()["access_token"]

    def set(self, case, data, context):
        # In place of the one that was generated, which would end every case at the door.
        case.headers["Authorization"] = f"Bearer {data}"

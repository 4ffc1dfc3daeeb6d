"""Signs schemathesis in, and in again when a generated request has ended its own session."""

import os

import requests
import schemathesis

ADDRESS = os.environ["FUZZ_ADDRESS"]
SIGN_IN = {"email": os.environ["FUZZ_EMAIL"], "password": os.environ["FUZZ_PASSWORD"]}


# Access tokens live for 15 minutes; operations such as signing out end them earlier.
@schemathesis.auth(refresh_interval=600, retry_on=[401])
class SignedIn:
    def get(self, case, context):
        answer = requests.post(f"{ADDRESS}/v1/auth/login", json=SIGN_IN, timeout=30)
        answer.raise_for_status()
        return answer.json()["access_token"]

    def set(self, case, data, context):
        # In place of the one that was generated, which would end every case at the door.
        case.headers["Authorization"] = f"Bearer {data}"

"""What a stand-in for a push service is made of, whichever service it stands for.

Each service adds its face: what it checks, what it answers, what it records (`apns_standin`, `fcm_standin`).
"""

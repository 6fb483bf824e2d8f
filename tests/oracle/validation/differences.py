def reason_of(name, kafkas, ours):
    return None

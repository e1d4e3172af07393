"use strict";

const INTERVAL_MS = 1000;

// What one socket may send: so many events a second, and one position a second.
class Throttle {
  constructor(rate) {
    this.rate = this.tokens = rate;
    this.at = performance.now();
    this.locatedAt = -Infinity;
  }

  take() {
    const now = performance.now();
    this.tokens = Math.min(this.rate, this.tokens + ((now - this.at) / 1000) * this.rate);
    this.at = now;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  locate() {
    const now = performance.now();
    if (now - this.locatedAt < INTERVAL_MS) return false;
    this.locatedAt = now;
    return true;
  }
}

module.exports = { Throttle };

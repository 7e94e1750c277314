package android.app;

import android.content.Context;

public class Notification {
  final CharSequence text;

  Notification(CharSequence text) {
    this.text = text;
  }

  public static class Builder {
    private CharSequence text;

    public Builder(Context context, String channelId) {}

    public Builder setContentTitle(CharSequence title) {
      return this;
    }

    public Builder setContentText(CharSequence text) {
      this.text = text;
      return this;
    }

    public Builder setSmallIcon(int icon) {
      return this;
    }

    public Builder setOngoing(boolean ongoing) {
      return this;
    }

    public Builder setOnlyAlertOnce(boolean onlyAlertOnce) {
      return this;
    }

    public Notification build() {
      return new Notification(text);
    }
  }
}

package android.app;

import fakes.Phone;

public class NotificationManager {
  public static final int IMPORTANCE_LOW = 2;

  public void createNotificationChannel(NotificationChannel channel) {}

  public void notify(int id, Notification notification) {
    Phone.notified.add(notification.text.toString());
  }
}

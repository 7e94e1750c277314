package android.app;

import android.content.Context;
import android.content.Intent;
import android.os.IBinder;
import fakes.Phone;

public abstract class Service extends Context {
  public static final int START_NOT_STICKY = 2;

  public abstract IBinder onBind(Intent intent);

  public int onStartCommand(Intent intent, int flags, int startId) {
    return START_NOT_STICKY;
  }

  public void onCreate() {}

  public void onDestroy() {}

  public final void startForeground(int id, Notification notification) {
    Phone.foreground.add(0);
  }

  public final void startForeground(
      int id, Notification notification, int foregroundServiceType) {
    Phone.foreground.add(foregroundServiceType);
  }

  public final void stopSelf() {}
}

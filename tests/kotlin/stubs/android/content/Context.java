package android.content;

import android.app.NotificationManager;
import android.content.pm.PackageManager;
import android.content.res.AssetManager;
import android.hardware.SensorManager;
import fakes.Phone;
import java.io.File;

public abstract class Context {
  public final <T> T getSystemService(Class<T> serviceClass) {
    Object service =
        serviceClass == SensorManager.class
            ? new SensorManager() {}
            : serviceClass == NotificationManager.class ? new NotificationManager() : null;
    return serviceClass.cast(service);
  }

  public final String getString(int resId, Object... formatArgs) {
    return formatArgs.length == 0 ? "text" : formatArgs[0].toString();
  }

  public AssetManager getAssets() {
    return new AssetManager();
  }

  public File getFilesDir() {
    return Phone.files;
  }

  public File getNoBackupFilesDir() {
    return Phone.files;
  }

  public String getPackageName() {
    return "com.example";
  }

  public PackageManager getPackageManager() {
    return new PackageManager() {};
  }

  public int checkSelfPermission(String permission) {
    return Phone.granted.contains(permission)
        ? PackageManager.PERMISSION_GRANTED
        : PackageManager.PERMISSION_DENIED;
  }

  public ComponentName startForegroundService(Intent service) {
    Phone.started.add(service.component.getSimpleName());
    return null;
  }

  public boolean stopService(Intent service) {
    return Phone.started.remove(service.component.getSimpleName());
  }
}
